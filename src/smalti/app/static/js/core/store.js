/** What all panels share, and who wants to hear of a change. */

const state = {
  scene: null, // the scene that is shown
  scenes: [],
  job: null, // the job whose map is shown
  jobs: [],
  models: [],
  options: {},
  lesson: null, // the lesson that is open
  area: null, // null: all; [col, row, width, height]; or a polygon in pixels of the scene
  online: true, // whether the server answers
  access: true, // whether it knows this page's token
  tab: "scene",
};
const listeners = [];

export const get = (key) => state[key];

/** Changes some of it; those who watch a key hear of it when its value is another one. */
export function set(changes) {
  const changed = Object.keys(changes).filter((key) => state[key] !== changes[key]);
  Object.assign(state, changes);
  for (const [keys, call] of listeners) if (keys.some((key) => changed.includes(key))) call(state);
}

/** Calls now, and whenever one of the keys changes. */
export function watch(keys, call) {
  listeners.push([keys, call]);
  call(state);
}
