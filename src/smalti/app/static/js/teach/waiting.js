/** What the live map waits for, above the scene: how far it is, or why it does not go on. */

import { $, el, fill } from "../core/dom.js";
import { get, watch } from "../core/store.js";
import { inPage } from "../core/words.js";
import { live, onLive } from "./overlay.js";

function waiting() {
  if (!live.asked) return [el("p", {}, "Opening the lesson …"), el("progress", {})];
  const done = live.view - live.unknown;
  const text = `Computing the features of ${live.view === 1 ? "1 tile" : `${live.view} tiles`} in view, ${done} done`;
  return [el("p", {}, text), el("progress", { value: done, max: Math.max(1, live.view), "aria-label": text })];
}

function draw() {
  const node = $("#waiting");
  const open = Boolean(get("lesson")) && get("tab") === "teach";
  node.hidden = !open || (live.asked && !live.unknown && !live.problem);
  if (node.hidden) return;
  if (live.problem) fill(node, el("div.problem", {}, el("p", {}, el("b", {}, "The live map does not go on")), el("p", {}, inPage(live.problem))));
  else fill(node, waiting());
}

export function startWaiting() {
  onLive(draw);
  watch(["lesson", "tab"], draw);
}
