/** The lesson that is open: every stroke is sent at once, one after the other, and learned from. */

import { ask, post, Problem } from "../core/api.js";
import { get, set } from "../core/store.js";

const AGAIN = 2000; // between two tries while the server does not answer

/** What is shown of the lesson: the strokes on the scene, what is on its way, and what can be undone. */
export const work = { strokes: [], revision: "", cell: 4, waiting: 0, past: [], future: [], learning: false, wrong: null, why: "", changes: 0 };
const listeners = [];

/** Calls whenever `work` changed; `kind` is "strokes", "learned" or "state". */
export const onWork = (call) => listeners.push(call);
const tell = (kind) => listeners.forEach((call) => call(kind));

const base = () => `api/lessons/${get("lesson").id}`;
const here = () => `${base()}/scenes/${get("scene").id}`;
const shown = (path) => Boolean(get("lesson") && get("scene")) && path.startsWith(`${here()}/`);

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

/** Opens a lesson on the scene that is shown; `bands` are those that the model takes of it, where it does not find them. */
export async function open(lesson, bands = null) {
  const scene = get("scene");
  if (!lesson.scenes.some((each) => each.scene === scene.id)) lesson = await post(`api/lessons/${lesson.id}/scenes`, { scene: scene.id, bands });
  const strokes = await ask(`api/lessons/${lesson.id}/scenes/${scene.id}/strokes`);
  Object.assign(work, { past: [], future: [], wrong: null, cell: strokes.cell });
  set({ lesson });
  take(strokes);
}

export async function begin(model, bands) {
  await open(await post("api/lessons", { scene: get("scene").id, model, bands }));
}

/** Closes the lesson; `why` is said where it was not asked for. */
export function leave(why = "") {
  Object.assign(work, { strokes: [], revision: "", past: [], future: [], wrong: null, why });
  set({ lesson: null });
  tell("strokes");
}

export async function remove(lesson) {
  await ask(`api/lessons/${lesson.id}`, { method: "DELETE" });
  leave();
}

export async function rename(name) {
  set({ lesson: await ask(base(), { method: "PATCH", body: { name } }) });
}

/** Takes another scene out of the lesson. */
export async function takeOut(scene) {
  set({ lesson: await ask(`${base()}/scenes/${scene}`, { method: "DELETE" }) });
  await learn();
}

export async function reload() {
  const lesson = await ask(base());
  if (get("lesson")?.id === lesson.id) set({ lesson });
}

/** Shows strokes that were painted elsewhere, such as in another window. */
export async function reloadStrokes() {
  const path = `${here()}/strokes`;
  const strokes = await ask(path);
  if (!shown(path) || work.waiting) return;
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

/** Whether there is anything to learn from, here or on other scenes. */
export const any = () => work.strokes.length > 0 || get("lesson").scenes.some(({ scene, strokes }) => strokes && scene !== get("scene").id);

let again = false;

/** Learns from all strokes; while that is going on, further strokes are learned from afterwards. */
export async function learn() {
  again = true;
  if (work.learning) return;
  work.learning = true;
  tell("state");
  while (again && get("lesson")) {
    again = false;
    const path = `${base()}/learn`;
    try {
      if (any()) await sure(() => post(path));
    } catch (problem) {
      work.wrong = problem;
    }
    if (get("lesson")) await reload().catch(() => {});
    tell("learned");
  }
  work.learning = false;
  tell("state");
}

/** Takes the last lesson back, with its strokes, after all that is on its way. */
export async function undoLesson() {
  await chain;
  const lesson = await post(`${base()}/undo`);
  const strokes = await ask(`${here()}/strokes`);
  Object.assign(work, { past: [], future: [], wrong: null });
  set({ lesson });
  take(strokes);
  tell("learned");
}

export async function setClasses(classes) {
  await chain;
  const lesson = await ask(`${base()}/classes`, { method: "PUT", body: { classes } });
  const strokes = await ask(`${here()}/strokes`); // before a new class is seen, so that it is chosen when it is
  set({ lesson });
  take(strokes);
  Object.assign(work, { past: [], future: [] }); // they may have other names
  tell("learned");
}

/** Saves what was learned as a model, and returns it. */
export async function save(name) {
  const model = await post(`${base()}/model`, { name });
  set({ models: await ask("api/models") });
  await reload();
  return model;
}
