/** Classes with colour, hectares and share; each can be switched off in the viewer. */

import { el, fill, swatch } from "../core/dom.js";
import { ask } from "../core/api.js";
import { percent, three, whole } from "../core/format.js";
import { whenBack } from "../core/heartbeat.js";
import { place } from "../core/problem.js";
import { get } from "../core/store.js";
import { refresh, view } from "../viewer/layers.js";

function toggle(value, on) {
  if (on) view.hidden.delete(value);
  else view.hidden.add(value);
  refresh();
}

function row({ value, label, color, pixels, share, hectares }, measured) {
  const box = el("input", { type: "checkbox", checked: !view.hidden.has(value), "data-key": `class ${value}`, onchange: ({ target }) => toggle(value, target.checked) });
  const size = hectares === null || hectares === undefined ? whole(pixels ?? 0) : three(hectares);
  const cells = pixels === undefined ? [] : [el("td", {}, size), el("td", {}, percent(share), el("progress.share", { value: share, max: 1, "aria-hidden": "true" }))];
  return el("tr", {}, el("td", {}, el("label", {}, box, swatch(color), label)), measured ? cells : null);
}

function table(areas) {
  const measured = areas.some(({ pixels }) => pixels !== undefined);
  const unit = areas.some(({ hectares }) => hectares !== null && hectares !== undefined) ? "ha" : "pixels";
  const head = el("tr", {}, el("th", { scope: "col" }, "Class"), measured && [el("th", { scope: "col" }, unit), el("th", { scope: "col" }, "Share")]);
  return el("table.legend", {}, el("thead", {}, head), el("tbody", {}, areas.map((area) => row(area, measured))));
}

/** What the card alone says: before anything is counted. */
function planned(job) {
  const task = get("models").find(({ name }) => name === job.model)?.tasks.find(({ kind }) => kind === "classes");
  return (task?.labels ?? []).map((label, value) => ({ value, label, color: task.colors[value] ?? "#808080" }));
}

/** What is said where nothing is counted yet. */
function later(job) {
  const metres = get("scenes").find(({ id }) => id === job.scene)?.metres_per_pixel;
  const what = metres ? "Hectares and shares" : "Pixels and shares";
  if (job.state === "done") return `Counting ${what.toLowerCase()} …`;
  const over = ["failed", "cancelled"].includes(job.state);
  return `${what}: when the map is finished${over ? "; resume it" : ""}.`;
}

const trouble = place();
let asked = "";

/** Draws the legend of a job into a node, and again with the areas when all is mapped. */
export async function legend(node, job) {
  const said = later(job);
  const key = node.hidden ? "" : `${job.id} ${said} ${get("models").length}`; // another job shows all classes again
  if (asked === key) return;
  asked = key;
  if (node.hidden) return;
  fill(node, table(planned(job)), el("p.small.soft", {}, said), trouble);
  if (job.state !== "done") return;
  const areas = await trouble.run(() => ask(`api/jobs/${job.id}/areas`));
  if (asked !== key) return;
  fill(node, table(areas ?? planned(job)), trouble);
  if (!areas) whenBack(() => again(node, job, key));
}

function again(node, job, key) {
  if (asked !== key) return;
  asked = "";
  legend(node, job);
}
