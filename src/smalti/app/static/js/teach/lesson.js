/** The lesson that is open: every stroke is sent at once, one after the other, and learned from. */

import { ask, post, Problem } from "../core/api.js";
import { get, set } from "../core/store.js";

const AGAIN = 2000; // between two tries while the server does not answer

/** What is shown of the lesson: the strokes on the scene, what is on its way, and what can be undone. */
export const work = { strokes: [], revision: "", cell: 4, waiting: 0, past: [], future: [], learning: false, removing: false, wrong: null, why: "", changes: 0 };
const listeners = [];

/** Calls whenever `work` changed; `kind` is "strokes", "learned", "removing" or "state". */
export const onWork = (call) => listeners.push(call);
const tell = (kind) => listeners.forEach((call) => call(kind));

/** The lesson and the scene that are shown; an answer comes too late when others are. */
export const at = () => `${get("lesson")?.id} ${get("scene")?.id}`;

const base = () => `api/lessons/${get("lesson").id}`;
const here = () => `${base()}/scenes/${get("scene").id}`;
const shown = (path) => Boolean(get("lesson") && get("scene")) && path.startsWith(`${here()}/`);

/** Shows a lesson as it is now; returns whether it is still open. */
function renew(lesson) {
  if (get("lesson")?.id !== lesson.id) return false;
  set({ lesson });
  return true;
}

function take({ strokes, revision, cell }) {
  Object.assign(work, { strokes, revision, cell });
  work.changes += 1;
  tell("strokes");
}

/** The number of the last lesson that is known here; 0 before the first one. */
export const last = () => get("lesson")?.steps.at(-1)?.number ?? 0;

/** Says why something is not sent. */
export function refuse(detail, todo) {
  work.wrong = new Problem({ detail, todo });
  tell("state");
}

/** The number of strokes here and on the other scenes. */
const count = () => get("lesson").scenes.reduce((sum, { scene, strokes }) => sum + (scene === get("scene").id ? 0 : strokes), work.strokes.length);

/** Whether there is anything to learn from. */
export const any = () => count() > 0;

/** Opens a lesson on the scene that is shown; `bands` are those that the model takes of it, where it does not find them. */
export async function open(lesson, bands = null) {
  const [scene, asked, path] = [get("scene"), at(), `api/lessons/${lesson.id}`];
  if (!lesson.scenes.some((each) => each.scene === scene.id)) await post(`${path}/scenes`, { scene: scene.id, bands });
  const [found, strokes] = await Promise.all([ask(path), ask(`${path}/scenes/${scene.id}/strokes`)]); // it may be another one since it was listed
  if (at() !== asked) return;
  Object.assign(work, { past: [], future: [], wrong: null, cell: strokes.cell });
  set({ lesson: found });
  take(strokes);
  if (count() !== (found.steps.at(-1)?.strokes ?? 0)) learn(); // it was closed before all were learned
}

export async function begin(model, bands) {
  const asked = at();
  const lesson = await post("api/lessons", { scene: get("scene").id, model, bands });
  if (at() === asked) await open(lesson);
}

/** Closes the lesson; `why` is said where it was not asked for. */
export function leave(why = "") {
  Object.assign(work, { strokes: [], revision: "", past: [], future: [], wrong: null, why });
  set({ lesson: null });
  tell("strokes");
}

/** Removes the lesson that is open; nothing is asked about it meanwhile. */
export async function remove(lesson) {
  work.removing = true;
  tell("removing");
  try {
    await ask(`api/lessons/${lesson.id}`, { method: "DELETE" });
    if (get("lesson")?.id === lesson.id) leave();
  } finally {
    work.removing = false;
    tell("removing");
  }
}

export async function rename(name) {
  renew(await ask(base(), { method: "PATCH", body: { name } }));
}

/** Takes another scene out of the lesson. */
export async function takeOut(scene) {
  if (renew(await ask(`${base()}/scenes/${scene}`, { method: "DELETE" }))) await learn();
}

export async function reload() {
  renew(await ask(base()));
}

/** Shows strokes that were painted elsewhere, such as in another window. */
export async function reloadStrokes() {
  const [path, changes] = [`${here()}/strokes`, work.changes];
  const strokes = await ask(path);
  if (!shown(path) || work.waiting || work.changes !== changes) return; // what was painted meanwhile is newer
  Object.assign(work, { past: [], future: [] }); // what can be undone is that of this window
  take(strokes);
  await reload();
}

let chain = Promise.resolve();
const pause = (time) => new Promise((done) => setTimeout(done, time));

/** Sends it again until the server answers: what was painted is not lost while it is away. */
async function sure(send) {
  for (;;) {
    try {
      return await send();
    } catch (problem) {
      if (problem.status !== 0) throw problem;
      tell("state");
      await pause(AGAIN);
    }
  }
}

const CONFLICT = 409;
const ELSEWHERE = { detail: "The strokes were changed in another window meanwhile", todo: "They are shown as they are now; what was painted before cannot be undone here" };
const now = () => ({ strokes: work.strokes, lesson: last() });

/** Sends a change of the strokes at `path` after those before it; `undoable` keeps them as they were. */
function change(path, send, undoable = true) {
  if (!work.waiting) work.wrong = null;
  work.waiting += 1;
  tell("state");
  let conflict = false;
  chain = chain.then(async () => {
    const before = now();
    try {
      const found = await sure(send);
      if (found && shown(path)) {
        if (undoable) Object.assign(work, { past: [...work.past.slice(-99), before], future: [] });
        take(found);
      }
    } catch (problem) {
      conflict = problem.status === CONFLICT && !undoable;
      work.wrong = conflict ? new Problem(ELSEWHERE) : problem;
    }
    work.waiting -= 1;
    tell("state");
    if (!shown(path)) return;
    if (conflict) await reloadStrokes().catch(() => {});
    learn();
  });
  return chain;
}

/** Paints `{line, size}` or `{polygon}` with a class. */
export function paint(label, shape) {
  const path = `${here()}/strokes`;
  return change(path, () => post(path, { class: label, ...shape }));
}

export function erase(line, size) {
  const path = `${here()}/erase`;
  return change(path, () => post(path, { line, size }));
}

/** Puts strokes back; after an undo, what was learned from those that are gone is undone, too. */
function exchange(from, to) {
  const path = `${here()}/strokes`;
  const send = async () => {
    if (!work[from].length || !shown(path)) return null;
    const [wanted, left] = [work[from].at(-1), now()];
    const lesson = from === "past" ? wanted.lesson : null;
    const found = await ask(path, { method: "PUT", body: { revision: work.revision, strokes: wanted.strokes, lesson } });
    Object.assign(work, { [from]: work[from].slice(0, -1), [to]: [...work[to], left] });
    return found;
  };
  return change(path, send, false);
}

export const undo = () => exchange("past", "future");
export const redo = () => exchange("future", "past");

let again = false;

/** Learns from all strokes; while that is going on, further strokes are learned from afterwards. */
export async function learn() {
  again = true;
  if (work.learning) return;
  work.learning = true;
  tell("state");
  while (again && get("lesson")) {
    again = false;
    const [{ id }, path] = [get("lesson"), `${base()}/learn`];
    try {
      if (any()) await sure(() => post(path));
    } catch (problem) {
      if (get("lesson")?.id === id) work.wrong = problem;
    }
    if (get("lesson")) await reload().catch(() => {});
    tell("learned");
  }
  work.learning = false;
  tell("state");
}

/** Takes the last lesson back, with its strokes, after all that is on its way. */
export async function undoLesson() {
  const [asked, path, scene] = [at(), `${base()}/undo`, here()];
  await chain;
  const lesson = await post(path);
  const strokes = await ask(`${scene}/strokes`);
  if (at() !== asked) return;
  Object.assign(work, { past: [], future: [], wrong: null });
  set({ lesson });
  take(strokes);
  tell("learned");
}

/** Changes the classes; returns whether they are still shown. */
export async function setClasses(classes) {
  const [asked, path, scene] = [at(), `${base()}/classes`, here()];
  await chain;
  const lesson = await ask(path, { method: "PUT", body: { classes } });
  const strokes = await ask(`${scene}/strokes`); // before a new class is seen, so that it is chosen when it is
  if (at() !== asked) return false;
  set({ lesson });
  take(strokes);
  Object.assign(work, { past: [], future: [] }); // they may have other names
  tell("learned");
  return true;
}

/** Saves what was learned as a model, and returns it. */
export async function save(name) {
  const model = await post(`${base()}/model`, { name });
  set({ models: await ask("api/models") });
  if (get("lesson")) await reload();
  return model;
}
