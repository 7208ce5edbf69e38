/** Opening scenes: files of this computer, paths of the server, addresses. */

import { ask, post, Problem, Problems, upload } from "../core/api.js";
import { bytes } from "../core/format.js";
import { randomName } from "../core/random.js";
import { get, set } from "../core/store.js";
import { folderOf, namer } from "./files.js";

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

/** Shows the first of the scenes that came; what did not come is a problem, on the panel where it is told. */
async function opened(scenes, problems = []) {
  await reloadScenes();
  if (scenes.length) show(scenes[0]);
  if (problems.length) throw reason(scenes.length, problems);
  if (!scenes.length) throw new Problem({ detail: "None of these files is an image that can be read", todo: "Open a GeoTIFF, JPEG, PNG, JPEG 2000 or VRT." });
  set({ tab: "map" });
}

/** Some problems as one; `good` is the number of files without. */
export function reason(good, problems) {
  if (problems.length === 1 && !good) return problems[0];
  return new Problems(`${problems.length} of ${good + problems.length} files cannot be opened`, problems);
}

/**
 * Sends files into one set, so that side-car files are found beside their images; archives are unpacked into scenes of
 * their own. `progress` hears (share, name).
 */
export async function sendFiles(files, progress) {
  const total = files.reduce((sum, { size }) => sum + size, 0) || 1;
  const [name, scenes, problems] = [`${folderOf(files)}-${randomName().slice(0, 8)}`, [], []];
  const nameOf = namer(files);
  let sent = 0;
  const sideCarsFirst = [...files].sort((a, b) => a.size - b.size);
  for (const file of sideCarsFirst) {
    if (sizeProblem(file)) {
      problems.push(sizeProblem(file));
      continue;
    }
    const path = `api/uploads?${new URLSearchParams({ name: nameOf(file), ...(ARCHIVE.test(file.name) ? {} : { set: name }) })}`;
    try {
      const found = await upload(path, file, (share) => progress((sent + share * file.size) / total, file.name));
      scenes.push(...(found?.scenes ?? [found ?? []].flat()));
      problems.push(...(found?.refused ?? []).map((each) => new Problem(each)));
    } catch (problem) {
      problems.push(...(problem.all ?? [problem]));
      if (!problem.status) break; // the server is gone
    }
    sent += file.size;
  }
  return { set: name, scenes, problems };
}

function sizeProblem({ name, size }) {
  const limit = get("options").max_upload_bytes;
  if (!limit || size <= limit) return null;
  return new Problem({ detail: `${name}: has ${bytes(size)}, at most ${bytes(limit)} can be sent`, todo: "Put it below one of the server's folders and open it there" });
}

export async function openFiles(files, progress) {
  const { scenes, problems } = await sendFiles(files, progress);
  await opened(scenes, problems);
}

/** Opens what the server reaches: `{path}`, `{url}` or `{stac}`. */
export async function openThere(where) {
  const { scenes, refused } = await post("api/scenes", where);
  await opened(scenes, refused.map((each) => new Problem(each)));
}

/** What an address is: items of catalogues are JSON, all else an image. */
export const addressed = (text) => (/\.json($|\?)|\/items\//.test(text) ? { stac: text } : { url: text });

export async function forget(...scenes) {
  try {
    for (const { id } of scenes) {
      await ask(`api/scenes/${id}`, { method: "DELETE" });
      if (get("scene")?.id === id) set({ scene: null, job: null, area: null });
    }
  } finally {
    await reloadScenes();
  }
}
