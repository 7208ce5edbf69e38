/** The list of all jobs: they live on the server, whatever the browser does. */

import { again } from "../core/again.js";
import { $, el, fill } from "../core/dom.js";
import { clock } from "../core/format.js";
import { place } from "../core/problem.js";
import { watch } from "../core/store.js";
import { remove, show } from "./act.js";
import { progressOf, stateOf } from "./progress.js";

const trouble = place();

const WHAT = { map: "map", compare: "comparison", photos: "photo series" };

/** A map is gone with its job. */
const deletion = (job, what) => again("Delete", `Delete ${what}`, () => trouble.run(() => remove(job)), { "data-key": `delete ${job.id}` });

function line(job, scenes, current) {
  const scene = scenes.find(({ id }) => id === job.scene);
  const name = scene?.name ?? WHAT[job.kind];
  const busy = job.state === "running" || job.state === "queued";
  return el("li.job", { "aria-current": job.id === current?.id ? "true" : null },
    el("div.row.spread", {}, el("button.name", { type: "button", "data-key": `show ${job.id}`, onclick: () => show(job) }, name), stateOf(job)),
    el("div.row.spread", {},
      el("p.small.soft", {}, [WHAT[job.kind], job.model, job.area && "part", clock(job.created)].filter(Boolean).join(" · ")),
      busy ? null : deletion(job, `the ${WHAT[job.kind]} of ${name}`)),
    progressOf(job));
}

export function startJobPanel() {
  watch(["jobs", "job", "scenes", "tab"], ({ jobs, job: current, scenes, tab }) => {
    const busy = jobs.filter(({ state }) => state === "running" || state === "queued").length;
    $("#tab-jobs").toggleAttribute("data-count", busy > 0);
    if (busy) $("#tab-jobs").setAttribute("data-count", busy);
    if (tab !== "jobs") return;
    fill($("#panel-jobs"), el("h2", {}, "Jobs"), trouble, jobs.length ? el("ul.list", {}, jobs.map((job) => line(job, scenes, current))) : el("p.soft", {}, "None yet."));
  });
}
