/** Photo series: the page of `smalti photos` of a job, in the place of the viewer. */

import { $, el, fill } from "../core/dom.js";
import { post } from "../core/api.js";
import { set, watch } from "../core/store.js";
import { take as takeJob } from "../jobs/follow.js";
import { sendFiles } from "./open.js";

/** Ranks the photos of files that are sent first. */
export async function rankFiles(files, progress) {
  const sent = await sendFiles(files, progress);
  await rank({ set: sent.set });
}

/** Ranks the photos of a folder of the server. */
export const rankFolder = (folder) => rank({ folder });

async function rank(where) {
  takeJob(await post("api/photos", where));
  set({ scene: null, tab: "result" });
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
