/** The address bar remembers the scene, the job and the lesson, so that a reload shows them again: `#scene=ID&job=ID&lesson=ID`. */

import { watch } from "./store.js";

/** The part after `#`; `path` and `url` open a scene from elsewhere, for example from a GIS. */
export const wanted = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

export function rememberInAddress() {
  watch(["scene", "job", "lesson"], ({ scene, job, lesson }) => {
    const parts = new URLSearchParams();
    if (scene) parts.set("scene", scene.id);
    if (job) parts.set("job", job.id);
    if (scene && lesson) parts.set("lesson", lesson.id);
    const address = `${location.pathname}${String(parts) ? `#${parts}` : ""}`;
    if (address !== `${location.pathname}${location.hash}`) history.replaceState(null, "", address);
  });
}
