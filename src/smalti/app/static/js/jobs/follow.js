/** Jobs as they change: events of the one that is shown, and now and then the list of all. */

import { ask } from "../core/api.js";
import { get, set, watch } from "../core/store.js";

const PAUSE = 3000;
const PATIENCE = 30_000;
const LEAST = 500; // between two updates of a running job: each asks for tiles again
let source = null;
let followed = null;
let last = 0;
let waiting = 0;

const open = (job) => job && ["queued", "running"].includes(job.state);

/** A job as the server tells it, into the list and, if it is shown, into the viewer. */
export function update(job) {
  const known = get("jobs").some(({ id }) => id === job.id);
  const jobs = known ? get("jobs").map((each) => (each.id === job.id ? job : each)) : [job, ...get("jobs")];
  set(get("job")?.id === job.id ? { jobs, job } : { jobs });
}

/** Shows a job that was started now, unless another scene is shown by now. */
export function take(job) {
  const jobs = [job, ...get("jobs").filter(({ id }) => id !== job.id)];
  const elsewhere = job.scene && job.scene !== get("scene")?.id;
  set(elsewhere ? { jobs } : { job, jobs, tab: "result" });
}

function heard(job) {
  clearTimeout(waiting);
  const wait = open(job) ? LEAST - (Date.now() - last) : 0;
  if (wait > 0) waiting = setTimeout(() => heard(job), wait);
  else {
    last = Date.now();
    update(job);
  }
}

function stop() {
  source?.close();
  clearTimeout(waiting);
  source = followed = null;
}

function follow(id) {
  stop();
  followed = id;
  source = new EventSource(`api/jobs/${id}/events`);
  source.addEventListener("job", ({ data }) => {
    set({ online: true });
    heard(JSON.parse(data));
  });
  source.onerror = () => {
    if (source?.readyState === EventSource.CLOSED) source = null; // the list goes on
    reloadJobs().catch(() => {}); // says at the top of the page whether the server is there
  };
}

export async function reloadJobs() {
  const jobs = await ask("api/jobs", { signal: AbortSignal.timeout(PATIENCE) });
  const shown = jobs.find(({ id }) => id === get("job")?.id);
  set(shown ? { jobs, job: shown } : { jobs });
}

/** Does the list need another look? While a job is not followed by events. */
const stale = () => get("online") && get("jobs").some((job) => open(job) && (job.id !== followed || !source));

async function tick() {
  try {
    if (stale() && !document.hidden) await reloadJobs();
  } catch {
    // said at the top of the page; the next look may find it again
  }
  setTimeout(tick, PAUSE);
}

/** Follows the job that is shown; not in a page that nobody sees: browsers have six connections for all pages of a server. */
function followShown() {
  const job = get("job");
  if (!open(job) || document.hidden) stop();
  else if (job.id !== followed) follow(job.id);
}

export function startFollowing() {
  watch(["online"], ({ online }) => online && reloadJobs().catch(() => {})); // what happened meanwhile
  watch(["job"], followShown);
  document.addEventListener("visibilitychange", followShown);
  setTimeout(tick, PAUSE);
}
