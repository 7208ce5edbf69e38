/** Problems where they happened: a place that shows the last one, and runs what may fail. */

import { el, fill } from "./dom.js";

export const shown = (problem) =>
  el("div.problem", { role: "alert" }, el("p", {}, el("b", {}, problem.message ?? problem.detail)), problem.todo && el("p", {}, problem.todo));

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
