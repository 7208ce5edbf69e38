/** Problems where they happened: a place that shows the last one, and runs what may fail. */

import { el, fill } from "./dom.js";
import { capital } from "./format.js";
import { inPage } from "./words.js";

/** The line that says what is wrong, without its end where that is what to do: it stands below. */
function lines({ message, detail, todo }) {
  const text = message ?? detail;
  const parts = todo && text.endsWith(`; ${todo}`) ? [text.slice(0, -todo.length - 2), capital(todo)] : [text, todo];
  return parts.map((part) => part && inPage(part));
}

function many({ message, all }) {
  const items = all.map(lines).map(([wrong, todo]) => el("li", {}, `${wrong}.`, todo && el("span.soft", {}, ` ${todo.replace(/\.?$/, ".")}`)));
  const list = el("div.reasons", { tabindex: "0", role: "group", "aria-label": "Reasons" }, el("ul", {}, items)); // it may scroll
  return el("div.problem", { role: "alert" }, el("p", {}, el("b", {}, message)), list);
}

export function shown(problem) {
  if (problem.all) return many(problem);
  const [wrong, todo] = lines(problem);
  return el("div.problem", { role: "alert" }, el("p", {}, el("b", {}, wrong)), todo && el("p", {}, todo));
}

/** A place for problems; `.run(work)` clears it, does the work, and shows what went wrong. */
export function place() {
  const node = el("div", { hidden: true });
  node.show = (problem) => {
    node.hidden = false;
    fill(node, shown(problem));
  };
  node.run = async (work) => {
    node.hidden = true;
    fill(node);
    try {
      return await work();
    } catch (problem) {
      if (problem.name !== "AbortError") node.show(problem);
      return undefined;
    }
  };
  return node;
}

/** Places by a key, each the same one whenever what is around it is drawn again. */
export function places() {
  const all = new Map();
  return (key) => all.get(key) ?? all.set(key, place()).get(key);
}
