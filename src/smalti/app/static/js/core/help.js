/** The keys, in a dialog. */

import { $, el } from "./dom.js";
import { set } from "./store.js";

const KEYS = [
  ["1 2 3 4", "Scene, Map, Result, Jobs"],
  ["arrows", "pan, when the viewer has the focus; below the cross: coordinates, class"],
  ["+  −", "zoom in and out"],
  ["Enter", "a corner at the cross, while a box or polygon is drawn"],
  ["0", "the whole scene"],
  ["S", "swipe between scene and map; the arrows move the line"],
  ["M", "the map on and off"],
  ["Tab", "next control"],
  ["Esc", "stop drawing; close"],
  ["?", "these keys"],
];

export function startHelp(actions) {
  const dialog = $("#keys");
  const rows = KEYS.flatMap(([keys, what]) => [el("dt", {}, el("kbd", {}, keys)), el("dd", {}, what)]);
  dialog.append(el("h2", { id: "keys-title" }, "Keys"), el("dl", {}, ...rows), el("form", { method: "dialog" }, el("button.strong", {}, "Close")));
  const open = () => dialog.showModal();
  $("#help").addEventListener("click", open);
  const tabs = { 1: "scene", 2: "map", 3: "result", 4: "jobs" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input:not([type=checkbox], [type=radio], [type=range]), select") || dialog.open) return;
    if (tabs[event.key]) {
      set({ tab: tabs[event.key] });
      $(`#tab-${tabs[event.key]}`).focus();
    } else if (event.key === "?") open();
    else actions[event.key.toLowerCase()]?.();
  });
}
