/** Two maps of one scene: what became what, as a table and as a layer. */

import { el, fill, swatch } from "../core/dom.js";
import { ask, post } from "../core/api.js";
import { clock, three, whole } from "../core/format.js";
import { place } from "../core/problem.js";
import { get, set } from "../core/store.js";
import { take } from "../jobs/follow.js";

const trouble = place();

/** Finished maps that have the same pixels. */
function others(job) {
  const sizes = new Map(get("scenes").map((scene) => [scene.id, `${scene.width} ${scene.height} ${scene.transform}`]));
  return get("jobs").filter((each) => each.kind === "map" && each.state === "done" && each.id !== job.id && sizes.get(each.scene) === sizes.get(job.scene));
}

const nameOf = (job) => {
  const scene = get("scenes").find(({ id }) => id === job.scene);
  return `${scene?.name ?? ""} · ${job.model} · ${clock(job.ended ?? job.created)}`;
};

function choice(job) {
  const select = el("select", { "aria-label": "Compare with" }, others(job).map((each) => el("option", { value: each.id }, nameOf(each))));
  const start = () => trouble.run(async () => {
    take(await post("api/compare", { before: select.value, after: job.id }));
    set({ tab: "result" });
  });
  return [el("h2", {}, "Compare"), el("p.small.soft", {}, "What changed from another map of this place to this one:"), select, trouble, el("button", { type: "button", id: "compare", onclick: start }, "Compare")];
}

/** The table of changes: rows before, columns after. */
function table({ labels, colors, pixels, hectares_per_pixel: hectares }) {
  const amount = (count) => (count ? (hectares ? three(count * hectares) : whole(count)) : "·");
  const cell = (count, same) => el(`td${same ? ".same" : ""}`, {}, amount(count));
  const head = el("tr", {}, el("th", { scope: "col" }, hectares ? "ha" : "pixels"), labels.map((label) => el("th", { scope: "col" }, `→ ${label}`)));
  const rows = labels.map((label, from) => el("tr", {}, el("th", { scope: "row" }, swatch(colors[from]), " ", label), pixels[from].map((count, to) => cell(count, from === to))));
  return el("div.matrix", { tabindex: "0", role: "group", "aria-label": "Changes: rows before, columns after" }, el("table", {}, el("thead", {}, head), el("tbody", {}, rows)));
}

function share({ pixels }) {
  const all = pixels.flat().reduce((sum, count) => sum + count, 0);
  const same = pixels.reduce((sum, row, at) => sum + row[at], 0);
  return all ? `${(100 * (1 - same / all)).toFixed(1)} % of the pixels changed.` : "";
}

let drawn = "";

async function changes(node, job) {
  if (job.state !== "done" || drawn === job.id) return;
  drawn = job.id;
  fill(node, el("h2", {}, "Changes"), trouble);
  await trouble.run(async () => {
    const found = await ask(`api/jobs/${job.id}/change`);
    fill(node, el("h2", {}, "Changes"), el("p.small", {}, share(found)), table(found));
  });
}

/** Draws what fits the job: the choice of another map, or the changes. */
export function compare(node, job) {
  node.hidden = job.state !== "done" || job.kind === "photos" || (job.kind === "map" && !others(job).length);
  if (node.hidden) return;
  if (job.kind === "compare") return changes(node, job);
  const key = `${job.id} ${others(job).map(({ id }) => id)}`;
  if (drawn !== key) fill(node, ...choice(job));
  drawn = key;
}
