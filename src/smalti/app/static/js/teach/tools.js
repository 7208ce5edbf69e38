/** The tools of a lesson, which stay in view, and what is known of the work. */

import { el, field, fill, segments, swatch } from "../core/dom.js";
import { place } from "../core/problem.js";
import { tool, use } from "./brush.js";
import { any, redo, undo, work } from "./lesson.js";
import { live } from "./overlay.js";

const TOOLS = [["hand", "Move"], ["brush", "Brush"], ["polygon", "Polygon"], ["eraser", "Eraser"]];
const WHAT = {
  hand: "Drag to move the scene.",
  brush: "Paint where the map is wrong: a short stroke inside one thing. Two fingers or Move move the scene.",
  polygon: "Set corners; a double click ends it, Esc drops it. By keyboard: move the cross with the arrow keys, Enter sets a corner, twice ends it, Backspace takes one back.",
  eraser: "Erases strokes.",
};
const sizeAt = (value) => Math.round(2 ** (value / 20) * 2) / 2;
const slider = el("input", { type: "range", min: 0, max: 100, step: 1, "data-key": "size", oninput: ({ target }) => use({ size: sizeAt(target.value) }) });
const [what, width] = [el("p.small.soft"), el("span")];
const wide = field(width, slider);
const wrong = place();
const status = el("p.small.soft", { role: "status" });
const steps = [["Undo", "↶", undo, "past"], ["Redo", "↷", redo, "future"]].map(([text, sign, act, stack]) => {
  const node = el("button.step", { type: "button", title: text, "aria-label": text, "data-key": text, onclick: act }, sign, el("span.word", {}, text));
  return { node, stack };
});

/** The classes once more, small: where there is little room they stay in view while the scene is painted. */
function chips(lesson) {
  const chip = ({ name, color }) => el("label.paint", {}, el("input.visually-hidden", { type: "radio", name: "teach-chip", value: name, checked: name === tool.label, "data-key": `chip ${name}`, onchange: () => use({ label: name }) }), swatch(color), name);
  return el("div.paints", { role: "radiogroup", "aria-label": "Class to paint" }, lesson.classes.map(chip));
}

/** Draws the row of tools into a node. */
export function bar(node, lesson) {
  const left = node.querySelector(".paints")?.scrollLeft ?? 0;
  fill(node, segments({ legend: "Tool", name: "tool", choices: TOOLS, value: tool.name, onchange: (name) => use({ name }) }),
    el("div.row.between", {}, chips(lesson), steps.map((each) => each.node)));
  node.querySelector(".paints").scrollLeft = left;
}

/** Draws what belongs to the tool in use into a node; the slider stays the same one, as somebody may be dragging it. */
export function tools(node) {
  const size = `${Math.round(tool.size)} pixels`;
  what.textContent = WHAT[tool.name];
  width.textContent = `Width: ${size}`;
  wide.hidden = tool.name !== "brush" && tool.name !== "eraser";
  slider.setAttribute("aria-valuetext", size);
  if (sizeAt(slider.value) !== tool.size) slider.value = String(Math.round(20 * Math.log2(tool.size)));
  if (!node.contains(what)) fill(node, what, wide, wrong, status);
}

/** What is going on; empty where nothing is. */
function going() {
  const parts = [
    work.waiting && `${work.waiting} on the way to the server`,
    work.learning && "learning",
    live.unknown ? `computing the features of ${live.view} tiles, ${live.view - live.unknown} done` : live.stale && `predicting ${live.stale} tiles in view`,
    !live.stale && live.left && `${live.left} of ${live.tiles} tiles of the scene to go`,
  ];
  return parts.filter(Boolean).join(" · ");
}

/** Says what is going on, and what went wrong. */
export function state(panel) {
  const text = live.asked ? going() : "Opening the lesson …";
  panel.dataset.state = text ? "busy" : "ready";
  status.textContent = text || (any() || work.past.length ? "Saved." : "Nothing is painted yet.");
  if (work.wrong) wrong.show(work.wrong);
  else wrong.hidden = true;
  for (const { node, stack } of steps) node.disabled = !work[stack].length && !(stack === "past" && work.waiting);
}
