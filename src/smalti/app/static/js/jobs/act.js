/** What can be done with a job. */

import { ask, post } from "../core/api.js";
import { get, set } from "../core/store.js";
import { update } from "./follow.js";

export const cancel = async (job) => update(await post(`api/jobs/${job.id}/cancel`));

export const resume = async (job) => update(await post(`api/jobs/${job.id}/resume`));

export async function remove(job) {
  await ask(`api/jobs/${job.id}`, { method: "DELETE" });
  set({ jobs: get("jobs").filter(({ id }) => id !== job.id), ...(get("job")?.id === job.id ? { job: null } : {}) });
}

/** Shows a job with its scene. */
export function show(job) {
  const scene = get("scenes").find(({ id }) => id === job.scene) ?? null;
  set({ scene: job.kind === "photos" ? null : scene, job, area: null, tab: "result" });
}
