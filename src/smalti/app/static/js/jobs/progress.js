/** How far a job is, and what can be done about it. */

import { $, el } from "../core/dom.js";
import { duration, percent, short } from "../core/format.js";
import { shown } from "../core/problem.js";
import { set } from "../core/store.js";
import { namesOption } from "../core/words.js";
import { cancel, resume } from "./act.js";

export const stateOf = (job) => el("span.state", { "data-state": job.state }, job.state);

function bar(job) {
  const share = job.rows ? job.rows_done / job.rows : 0;
  return el("progress", { value: share, max: 1, "aria-label": "Finished part" });
}

function figures(job) {
  const share = job.rows ? percent(job.rows_done / job.rows) : "";
  if (job.state === "queued") return el("p.small.soft", {}, "Waits for its turn");
  return el("p.figures", {},
    el("span", {}, el("b", {}, share)),
    job.mpix_per_s ? el("span", {}, `${short(Number(job.mpix_per_s.toPrecision(2)))} MPix/s`) : null,
    Number.isFinite(job.seconds_left) && job.seconds_left !== null ? el("span", {}, `${duration(job.seconds_left)} left`) : null);
}

/** What a resumed job would do again has to be asked for anew. */
function changeOptions() {
  set({ tab: "map" });
  $("#map-options").open = true;
  $("#map-options").scrollIntoView({ block: "nearest" });
}

/** The lines of a job that is not done, with a place for what goes wrong; none of one that is. */
export function progressOf(job, trouble) {
  const act = (text, work, name = "button") => el(name, { type: "button", "data-key": `${text} ${job.id}`, onclick: () => trouble.run(() => work(job)) }, text);
  if (job.state === "running" || job.state === "queued") return [bar(job), figures(job), el("div.row", {}, act("Cancel", cancel)), trouble];
  if (job.state === "done") return [];
  const mend = job.problem && namesOption(job.problem.detail);
  const kept = job.rows_done ? `${percent(job.rows_done / job.rows)} is finished and kept.` : "Nothing is finished yet.";
  return [
    job.state === "failed" && job.problem && shown({ ...job.problem, todo: job.problem.todo ?? "" }),
    el("p.small.soft", {}, kept),
    el("div.row", {}, mend && act("Change the options", changeOptions, "button.strong"), act("Resume", resume, mend ? "button" : "button.strong")),
    trouble,
  ];
}
