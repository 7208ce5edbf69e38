/** The list of all jobs: they live on the server, whatever the browser does. */

import { again } from "../core/again.js";
import { $, el, fillRows } from "../core/dom.js";
import { clock } from "../core/format.js";
import { place, places } from "../core/problem.js";
import { watch } from "../core/store.js";
import { remove, show } from "./act.js";
import { progressOf, stateOf } from "./progress.js";

const trouble = place();
const troubleOf = places();

const WHAT = { map: "map", compare: "comparison", photos: "photo series" };

/** A map is gone with its job. */
const deletion = (job, what) => again("Delete", `Delete ${what}`, () => trouble.run(() => remove(job)), { "data-key": `delete ${job.id}` });

function line(job, name, current) {
  const busy = job.state === "running" || job.state === "queued";
  return el("li.job", { "aria-current": current ? "true" : null },
    el("div.row.spread", {}, el("button.name", { type: "button", "data-key": `show ${job.id}`, onclick: () => show(job) }, name), stateOf(job)),
    el("div.row.spread", {},
      el("p.small.soft", {}, [WHAT[job.kind], job.model, job.area && "part", clock(job.created)].filter(Boolean).join(" · ")),
      busy ? null : deletion(job, `the ${WHAT[job.kind]} of ${name}`)),
    progressOf(job, troubleOf(job.id)));
}

let drawn = new Map();

/** The rows of all jobs; one that is to look as before is the same node. */
function rowsOf(jobs, scenes, current) {
  const rows = jobs.map((job) => {
    const name = scenes.find(({ id }) => id === job.scene)?.name ?? WHAT[job.kind];
    const look = JSON.stringify([job, name, job.id === current?.id]);
    return [look, drawn.get(look) ?? line(job, name, job.id === current?.id)];
  });
  drawn = new Map(rows);
  return rows.map(([, row]) => row);
}

export function startJobPanel() {
  const [list, none] = [el("ul.list"), el("p.soft", {}, "None yet.")];
  $("#panel-jobs").append(el("h2", {}, "Jobs"), trouble, list, none);
  watch(["jobs", "job", "scenes", "tab"], ({ jobs, job: current, scenes, tab }) => {
    const busy = jobs.filter(({ state }) => state === "running" || state === "queued").length;
    $("#tab-jobs").toggleAttribute("data-count", busy > 0);
    if (busy) $("#tab-jobs").setAttribute("data-count", busy);
    if (tab !== "jobs") return;
    fillRows(list, rowsOf(jobs, scenes, current));
    [list.hidden, none.hidden] = [!jobs.length, jobs.length > 0];
  });
}
