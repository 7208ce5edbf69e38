/** Two maps of one scene: what became what, as a table and as a layer. */

import { check, el, fill, swatch } from "../core/dom.js";
import { ask, post } from "../core/api.js";
import { capital, clock, percent, whole } from "../core/format.js";
import { whenBack } from "../core/heartbeat.js";
import { place } from "../core/problem.js";
import { get } from "../core/store.js";
import { show } from "../jobs/act.js";
import { update } from "../jobs/follow.js";
import { refresh, view } from "../viewer/layers.js";
import { candidates } from "./comparable.js";

const trouble = place();

const nameOf = (job) => {
  const scene = get("scenes").find(({ id }) => id === job.scene);
  return `${scene?.name ?? ""} · ${job.model} · ${clock(job.ended ?? job.created)}`;
};

let offered = null;

function chooser(job, able) {
  const chosen = offered?.dataset.job === job.id ? offered.value : null; // drawn again whenever another map ends
  const options = able.map(({ other }) => el("option", { value: other.id, selected: other.id === chosen }, nameOf(other)));
  const select = el("select", { "aria-label": "Compare with", "data-key": "compare with", "data-job": job.id }, options);
  offered = select;
  const start = () => trouble.run(async () => {
    const made = await post("api/compare", { before: select.value, after: job.id });
    update(made);
    if (get("job")?.id === job.id) show(made); // with the scene of the map before
  });
  return [el("p.small.soft", {}, "What changed from another map of this place to this one:"), select, trouble, el("button", { type: "button", id: "compare", "data-key": "compare", onclick: start }, "Compare")];
}

/** Other maps that cannot be compared, and why. */
function unable(maps) {
  const rows = maps.map(({ other, why }) => el("li.small", {}, nameOf(other), el("span.soft", {}, ` · ${why}`)));
  const count = maps.length === 1 ? "1 map" : `${maps.length} maps`;
  return el("details", { "data-key": "unable" }, el("summary", {}, `${count} cannot be compared with this one`), el("div", {}, el("p.small.soft", {}, "Two maps are compared pixel by pixel. Make a map of the same scene, or of one on the same grid."), el("ul.list", {}, rows)));
}

function choice(job, found) {
  const [able, not] = [found.filter(({ why }) => !why), found.filter(({ why }) => why)];
  return [el("h2", {}, "Compare"), able.length ? chooser(job, able) : null, not.length ? unable(not) : null];
}

const amount = (area) => {
  if (!area?.pixels) return "·";
  if (area.hectares === null) return whole(area.pixels);
  return area.hectares < 0.005 ? "< 0.01" : area.hectares < 100 ? area.hectares.toFixed(2) : whole(area.hectares);
};

/** What is compared with what. */
function sides(job) {
  const named = ["before", "after"].map((side) => [side, get("jobs").find(({ id }) => id === job[side])]);
  const rows = named.map(([side, map]) => [el("dt", {}, capital(side)), el("dd", {}, map ? nameOf(map) : "a map that was removed")]);
  return el("dl.facts", {}, rows);
}

/** The table of changes: rows before, columns after. */
function table(areas) {
  const [rows, columns] = ["before", "after"].map((side) => [...new Set(areas.map((area) => area[side]))]);
  const cell = (from, to) => el(`td${from === to ? ".same" : ""}`, {}, amount(areas.find(({ before, after }) => before === from && after === to)));
  const unit = areas.some(({ hectares }) => hectares !== null) ? "ha" : "pixels";
  const head = el("tr", {}, el("td", {}, unit), columns.map((label) => el("th", { scope: "col", title: label }, label)));
  const body = rows.map((from) => el("tr", {}, el("th", { scope: "row", title: from }, from), columns.map((to) => cell(from, to))));
  return el("div.matrix", { tabindex: "0", role: "group", "aria-label": "Changes: rows before, columns after" }, el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
}

/** The largest changes, in the colours of the layer. */
function largest(areas) {
  const changed = areas.filter(({ before, after, pixels }) => before !== after && pixels);
  const rows = changed.sort((a, b) => b.pixels - a.pixels).slice(0, 6).map((area) => el("li.row", {}, swatch(area.color), `${area.before} → ${area.after}`, el("span.soft", {}, percent(area.share))));
  return el("ul.list.small", {}, rows);
}

function hideSame(areas, hide) {
  view.hidden = new Set(hide ? areas.filter(({ before, after }) => before === after).map(({ value }) => value) : []);
  refresh();
}

const share = (areas) => `${percent(areas.filter(({ before, after }) => before !== after).reduce((sum, area) => sum + area.share, 0))} of the pixels changed.`;

let drawn = "";

async function changes(node, job) {
  if (job.state !== "done" || drawn === job.id) return;
  drawn = job.id;
  fill(node, el("h2", {}, "Changes"), trouble);
  const areas = await trouble.run(() => ask(`api/jobs/${job.id}/areas`));
  if (drawn !== job.id) return; // another job is shown by now
  if (!areas) {
    whenBack(() => again(node, job));
    return;
  }
  hideSame(areas, true);
  const same = check("Unchanged pixels, too", { onchange: ({ target }) => hideSame(areas, !target.checked) });
  fill(node, el("h2", {}, "Changes"), sides(job), el("p.small", {}, share(areas)), largest(areas), el("p.small.soft", {}, "Rows: before. Columns: after."), table(areas), same);
}

function again(node, job) {
  if (drawn !== job.id) return;
  drawn = "";
  changes(node, job);
}

/** Draws what fits the job: the choice of another map, or the changes. */
export function compare(node, job) {
  const found = job.kind === "map" && job.state === "done" ? candidates(job) : [];
  node.hidden = job.kind === "compare" ? job.state !== "done" : !found.length;
  if (node.hidden) {
    drawn = "";
    return;
  }
  if (job.kind === "compare") return changes(node, job);
  const key = JSON.stringify([job.id, found.map(({ other, why }) => [other.id, why])]);
  if (drawn !== key) fill(node, ...choice(job, found));
  drawn = key;
}
