/** The keys, in a dialog. */

import { $, el } from "./dom.js";
import { set } from "./store.js";

const KEYS = [
  ["1 2 3 4 5", "Scene, Map, Teach, Result, Jobs; in a lesson 1 to 9 are its classes"],
  ["arrows", "pan, when the viewer has the focus; below the cross: coordinates, class"],
  ["+  −", "zoom in and out"],
  ["Enter", "a corner at the cross, while a box or polygon is drawn; twice ends a polygon, Backspace takes one back"],
  ["0", "the whole scene"],
  ["S", "swipe between scene and map; the arrows move the line"],
  ["M", "the map on and off"],
  ["H B P E", "in a lesson: move, brush, polygon, eraser; [ and ] its width; Enter paints below the cross"],
  ["Ctrl+Z", "in a lesson: undo, the last corner of a polygon first; with Shift: redo"],
  ["Tab", "next control"],
  ["Esc", "stop drawing; close"],
  ["?", "these keys"],
];

/** `actions` are called for their key; `teach` first, which returns whether a key was meant for the lesson. */
export function startHelp(actions, teach) {
  const dialog = $("#keys");
  const rows = KEYS.flatMap(([keys, what]) => [el("dt", {}, el("kbd", {}, keys)), el("dd", {}, what)]);
  dialog.append(el("h2", { id: "keys-title" }, "Keys"), el("dl", {}, ...rows), el("form", { method: "dialog" }, el("button.strong", {}, "Close")));
  const open = () => dialog.showModal();
  $("#help").addEventListener("click", open);
  const tabs = { 1: "scene", 2: "map", 3: "teach", 4: "result", 5: "jobs" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input:not([type=checkbox], [type=radio], [type=range]), select") || dialog.open) return;
    if (teach(event.key)) return;
    if (tabs[event.key]) {
      set({ tab: tabs[event.key] });
      $(`#tab-${tabs[event.key]}`).focus();
    } else if (event.key === "?") open();
    else actions[event.key.toLowerCase()]?.();
  });
}
