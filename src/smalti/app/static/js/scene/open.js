/** Opening scenes: files of this computer, paths of the server, addresses. */

import { ask, post, Problem, upload } from "../core/api.js";
import { randomName } from "../core/random.js";
import { get, set } from "../core/store.js";

const ARCHIVE = /\.zip$/i;

export async function reloadScenes() {
  set({ scenes: await ask("api/scenes") });
}

/** Shows a scene, and the newest map of it. */
export function show(scene) {
  if (get("scene")?.id === scene?.id) return;
  const job = get("jobs").find((each) => each.scene === scene?.id && each.kind === "map");
  set({ scene, job: job ?? null, area: null });
}

async function opened(scenes) {
  await reloadScenes();
  if (!scenes.length) throw new Problem({ detail: "None of these files is an image that can be read", todo: "Open a GeoTIFF, JPEG, PNG, JPEG 2000 or VRT." });
  show(scenes[0]);
  set({ tab: "map" });
}

/**
 * Sends files into one set, so that side-car files are found beside their images; archives are unpacked into scenes of
 * their own. `progress` hears (share, name).
 */
export async function sendFiles(files, progress) {
  const total = files.reduce((sum, { size }) => sum + size, 0) || 1;
  const [name, scenes, problems] = [randomName(), [], []];
  let sent = 0;
  const sideCarsFirst = [...files].sort((a, b) => a.size - b.size);
  for (const file of sideCarsFirst) {
    const path = `api/uploads?${new URLSearchParams({ name: file.name, ...(ARCHIVE.test(file.name) ? {} : { set: name }) })}`;
    try {
      const found = await upload(path, file, (share) => progress((sent + share * file.size) / total, file.name));
      scenes.push(...(found?.scenes ?? [found ?? []].flat()));
      problems.push(...(found?.refused ?? []).map((each) => new Problem(each)));
    } catch (problem) {
      if (files.length === 1 || !problem.status) throw problem;
      problems.push(problem);
    }
    sent += file.size;
  }
  return { set: name, scenes, problems };
}

export async function openFiles(files, progress) {
  const limit = get("options").max_upload_bytes;
  const large = limit && files.find(({ size }) => size > limit);
  if (large) throw new Problem({ detail: `${large.name} has ${large.size} bytes; at most ${limit} can be sent`, todo: "Put it below one of the server's folders and open it there." });
  const { scenes, problems } = await sendFiles(files, progress);
  if (!scenes.length && problems.length) throw problems[0];
  await opened(scenes);
  if (problems.length) throw problems[0];
}

/** Opens what the server reaches: `{path}`, `{url}` or `{stac}`. */
export async function openThere(where) {
  const { scenes, refused } = await post("api/scenes", where);
  await opened(scenes);
  if (refused.length) throw new Problem(refused[0]);
}

/** What an address is: items of catalogues are JSON, all else an image. */
export const addressed = (text) => (/\.json($|\?)|\/items\//.test(text) ? { stac: text } : { url: text });

export async function forget(scene) {
  await ask(`api/scenes/${scene.id}`, { method: "DELETE" });
  if (get("scene")?.id === scene.id) set({ scene: null, job: null, area: null });
  await reloadScenes();
}
