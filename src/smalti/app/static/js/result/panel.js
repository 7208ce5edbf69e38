/** The panel of the job that is shown: progress, layers, classes, downloads, comparison. */

import { $, el, fill } from "../core/dom.js";
import { clock, duration, megapixels } from "../core/format.js";
import { places } from "../core/problem.js";
import { get, set, watch } from "../core/store.js";
import { inPage } from "../core/words.js";
import { progressOf, stateOf } from "../jobs/progress.js";
import { compare } from "./compare.js";
import { downloads } from "./downloads.js";
import { layerControls } from "./layers.js";
import { legend } from "./legend.js";

const TITLES = { map: "Map", compare: "Comparison", photos: "Photo series" };

const nodes = {
  head: el("section.block", { "aria-label": "Job" }),
  layers: el("section.block", { "aria-label": "Layers" }),
  classes: el("section.block", { "aria-label": "Classes" }),
  changes: el("section.block", { "aria-label": "Comparison" }),
  files: el("section.block", { "aria-label": "Download" }),
};
const none = el("div.list", {}, el("p.soft", {}, "No map yet."), el("div.row", {}, el("button", { type: "button", onclick: () => set({ tab: "map" }) }, "Make one")));

const troubleOf = places();

function head(job) {
  const title = [TITLES[job.kind], job.model].filter(Boolean).join(" · ");
  const notes = (job.notes ?? []).map((note) => el("p.note", {}, inPage(note)));
  fill(nodes.head, el("h2", {}, title, stateOf(job)), job.state === "done" && el("p.small.soft", {}, facts(job)), progressOf(job, troubleOf(job.id)), notes);
}

/** What a finished job took, and when. */
function facts(job) {
  const took = job.started && duration(job.ended - job.started);
  return [job.pixels > 0 && megapixels(job.pixels), took, clock(job.ended ?? job.created)].filter(Boolean).join(" · ");
}

/** Whether nothing came of a job. */
const empty = ({ state, rows_done: rows }) => ["failed", "cancelled"].includes(state) && !rows;

let drawn = "";

function layers(job) {
  nodes.layers.hidden = !job.layers?.length || empty(job);
  const key = JSON.stringify([job.id, job.layers, job.ramps]);
  if (nodes.layers.hidden || drawn === key) return; // a slider in use must not be drawn anew
  drawn = key;
  layerControls(nodes.layers, job, () => {
    drawn = "";
    layers(job);
  });
}

function draw(job) {
  head(job);
  layers(job);
  nodes.classes.hidden = job.kind !== "map" || empty(job);
  legend(nodes.classes, job);
  compare(nodes.changes, job);
  downloads(nodes.files, job);
}

export function startResultPanel() {
  watch(["job", "jobs", "scenes", "models"], ({ job }) => {
    const panel = $("#panel-result");
    if (job && !panel.contains(nodes.head)) panel.replaceChildren(...Object.values(nodes));
    if (job) draw(job);
    else fill(panel, none);
  });
  watch(["job"], () => get("job") && $("#panel-result").setAttribute("data-state", get("job").state));
}
