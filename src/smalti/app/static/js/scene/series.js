/** Photo series: the page of `smalti photos` of a job, in the place of the viewer. */

import { $, el, fill } from "../core/dom.js";
import { post } from "../core/api.js";
import { set, watch } from "../core/store.js";
import { take as takeJob } from "../jobs/follow.js";
import { ofSeries } from "./files.js";
import { reason, reloadScenes, sendFiles } from "./open.js";

/** Ranks the photos of files that are sent first. */
export async function rankFiles(chosen, progress) {
  const files = ofSeries(chosen);
  const { set: name, problems } = await sendFiles(files, progress);
  if (problems.length === files.length) throw reason(0, problems);
  await reloadScenes();
  await rank({ set: name });
  if (!problems.length) return;
  set({ tab: "scene" });
  throw reason(files.length - problems.length, problems);
}

/** Ranks photos: `{folder}` of the server, or those of a `{set}` that was sent. */
export async function rank(where) {
  takeJob(await post("api/photos", where));
  set({ scene: null });
}

export function startSeries() {
  let shown = null;
  watch(["job"], ({ job }) => {
    const ready = job?.kind === "photos" && job.state === "done";
    $("#photos").hidden = !ready;
    if (ready && shown !== job.id) fill($("#photos"), el("iframe", { src: `api/jobs/${job.id}/page/`, title: "Photo series" }));
    if (!ready) fill($("#photos"));
    shown = ready ? job.id : null;
  });
}
