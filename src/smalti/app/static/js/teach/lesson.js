/** The lesson that is open: every stroke is sent at once, one after the other, and learned from. */

import { ask, post } from "../core/api.js";
import { get, set } from "../core/store.js";

const AGAIN = 2000; // between two tries while the server does not answer

/** What is shown of the lesson: the strokes on the scene, what is on its way, and what can be undone. */
export const work = { strokes: [], revision: "", cell: 4, waiting: 0, past: [], future: [], learning: false, wrong: null };
const listeners = [];

/** Calls whenever `work` changed; `kind` is "strokes", "learned" or "state". */
export const onWork = (call) => listeners.push(call);
const tell = (kind) => listeners.forEach((call) => call(kind));

const base = () => `api/lessons/${get("lesson").id}`;
const here = () => `${base()}/scenes/${get("scene").id}`;

function take({ strokes, revision, cell }) {
  Object.assign(work, { strokes, revision, cell });
  tell("strokes");
}

/** Opens a lesson on the scene that is shown. */
export async function open(lesson) {
  const scene = get("scene");
  if (!lesson.scenes.some((each) => each.scene === scene.id)) lesson = await post(`api/lessons/${lesson.id}/scenes`, { scene: scene.id });
  const strokes = await ask(`api/lessons/${lesson.id}/scenes/${scene.id}/strokes`);
  Object.assign(work, { past: [], future: [], wrong: null, cell: strokes.cell });
  set({ lesson });
  take(strokes);
}

export async function begin(model) {
  await open(await post("api/lessons", { scene: get("scene").id, model }));
}

export function leave() {
  set({ lesson: null });
  Object.assign(work, { strokes: [], revision: "", past: [], future: [], wrong: null });
  tell("strokes");
}

export async function remove(lesson) {
  await ask(`api/lessons/${lesson.id}`, { method: "DELETE" });
  leave();
}

export async function reload() {
  const lesson = await ask(base());
  if (get("lesson")?.id === lesson.id) set({ lesson });
}

let chain = Promise.resolve();
const pause = (time) => new Promise((done) => setTimeout(done, time));

/** Sends it again until the server answers: what was painted is not lost while it is away. */
async function sure(send) {
  for (;;) {
    try {
      return await send();
    } catch (problem) {
      if (problem.status) throw problem;
      tell("state");
      await pause(AGAIN);
    }
  }
}

/** Sends a change after those before it; `undoable` keeps the strokes as they were. */
function change(send, undoable = true) {
  const lesson = get("lesson").id;
  if (!work.waiting) work.wrong = null;
  work.waiting += 1;
  tell("state");
  chain = chain.then(async () => {
    const before = work.strokes;
    try {
      const found = await sure(send);
      if (undoable) Object.assign(work, { past: [...work.past.slice(-99), before], future: [] });
      if (get("lesson")?.id === lesson) take(found);
    } catch (problem) {
      work.wrong = problem;
    }
    work.waiting -= 1;
    tell("state");
    if (get("lesson")?.id === lesson) learn();
  });
  return chain;
}

/** Paints `{line, size}` or `{polygon}` with a class. */
export function paint(label, shape) {
  const path = `${here()}/strokes`;
  return change(() => post(path, { class: label, ...shape }));
}

export function erase(line, size) {
  const path = `${here()}/erase`;
  return change(() => post(path, { line, size }));
}

function exchange(from, to) {
  if (!work[from].length || work.waiting) return undefined;
  const [path, strokes] = [`${here()}/strokes`, work[from].at(-1)];
  work[to] = [...work[to], work.strokes];
  work[from] = work[from].slice(0, -1);
  return change(() => ask(path, { method: "PUT", body: { revision: work.revision, strokes } }), false);
}

export const undo = () => exchange("past", "future");
export const redo = () => exchange("future", "past");

/** Whether there is anything to learn from, here or on other scenes. */
const any = () => work.strokes.length > 0 || get("lesson").scenes.some(({ scene, strokes }) => strokes && scene !== get("scene").id);

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
      if (any()) await post(path);
    } catch (problem) {
      work.wrong = problem;
    }
    if (get("lesson")) await reload().catch(() => {});
    tell("learned");
  }
  work.learning = false;
  tell("state");
}

/** Takes the last lesson back, with its strokes. */
export async function undoLesson() {
  const lesson = await post(`${base()}/undo`);
  const strokes = await ask(`${here()}/strokes`);
  Object.assign(work, { past: [], future: [], wrong: null });
  set({ lesson });
  take(strokes);
  tell("learned");
}

export async function setClasses(classes) {
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
