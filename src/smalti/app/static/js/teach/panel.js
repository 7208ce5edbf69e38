/** The panel that teaches: begin or continue a lesson, tools, classes, score, and what is made of it. */

import { $, check, el, fill, segments } from "../core/dom.js";
import { ask } from "../core/api.js";
import { place } from "../core/problem.js";
import { get, watch } from "../core/store.js";
import { swipe } from "../viewer/layers.js";
import { setSwipe } from "../viewer/swipe.js";
import { onTool } from "./brush.js";
import { head } from "./head.js";
import { at, leave, onWork, open, work } from "./lesson.js";
import { model } from "./model.js";
import { live, onLive, setLive } from "./overlay.js";
import { palette } from "./palette.js";
import { next } from "./places.js";
import { score } from "./score.js";
import { start } from "./start.js";
import { bar, state, tools } from "./tools.js";

const block = (label, kind = "") => el(`section.block${kind}`, { "aria-label": label });
const nodes = {
  head: block("Lesson"), bar: block("Tools", ".bar-of-tools"), tools: block("The tool in use"), classes: block("Classes"),
  look: block("Live map"), score: block("Score"), done: block("Model"),
};
const trouble = place();
const said = el("p.small.soft", { role: "status" });
let lessons = [];

async function list() {
  lessons = await ask("api/lessons");
  draw();
}

async function nextPlace({ currentTarget: button }) {
  if (button.ariaBusy) return;
  const asked = at();
  button.ariaBusy = "true";
  said.textContent = "Looking for the places where strokes help most; on a large scene this takes up to a minute.";
  const text = await trouble.run(next);
  button.ariaBusy = null;
  if (at() === asked) said.textContent = text ?? "";
}

/** How the live map is shown, and where to look next. */
function look() {
  const strength = el("input", { type: "range", min: 0, max: 100, value: String(100 * live.opacity), "data-key": "live-opacity", oninput: ({ target }) => setLive({ opacity: target.value / 100 }) });
  const beside = segments({ legend: "Left of the line", name: "beside", choices: [["image", "Image"], ["before", "Model before"]], value: live.beside, onchange: (which) => setLive({ beside: which }) });
  const swiped = check("Swipe", { checked: swipe.at !== null, "data-key": "teach-swipe", onchange: ({ target }) => setSwipe(target.checked) });
  fill(nodes.look, el("h2", {}, "Live map"), el("label.field", {}, "Opacity", strength),
    el("div.list", {}, swiped, el("span.small.soft", {}, "Left of the line"), beside),
    el("div.row", {}, el("button", { type: "button", id: "next-place", "data-key": "next-place", onclick: nextPlace }, "Next place to look")), said, trouble);
}

let drawn = "";
let where = "";

function draw() {
  const [scene, lesson, panel] = [get("scene"), get("lesson"), $("#panel-teach")];
  if (at() !== where) said.textContent = "";
  where = at();
  if (!scene) return fill(panel, el("p.soft", {}, "Open a scene first: drop it anywhere, or choose it under Scene."));
  if (!lesson) {
    drawn = "";
    if (panel.contains(nodes.head)) panel.scrollTop = 0;
    for (const node of Object.values(nodes)) node.replaceChildren(); // what a button asked ends with the lesson
    delete panel.dataset.state;
    return fill(panel, work.why && el("p.note", {}, work.why), ...start(lessons, draw), trouble);
  }
  if (!panel.contains(nodes.head)) {
    panel.replaceChildren(...Object.values(nodes));
    panel.scrollTop = 0;
    look();
  }
  const key = JSON.stringify([lesson, get("models").length]);
  if (drawn === key) return undefined;
  drawn = key;
  head(nodes.head, lesson, () => trouble.run(list));
  palette(nodes.classes);
  score(nodes.score, lesson);
  model(nodes.done, lesson);
  tool();
  return state(panel);
}

function tool() {
  bar(nodes.bar, get("lesson"));
  tools(nodes.tools);
}

/** Another scene: the lesson goes on there if the scene belongs to it. */
function another(scene, before) {
  const lesson = get("lesson");
  if (!lesson || before === scene?.id) return;
  if (lesson.scenes.some((each) => each.scene === scene?.id)) trouble.run(() => open(lesson));
  else leave();
}

export function startTeachPanel() {
  let before = null;
  const panel = $("#panel-teach");
  const tell = () => get("lesson") && state(panel);
  watch(["scene"], ({ scene }) => {
    another(scene, before);
    before = scene?.id;
  });
  watch(["scene", "lesson", "models"], draw);
  watch(["scene", "tab"], ({ scene, tab }) => scene && tab === "teach" && !get("lesson") && trouble.run(list));
  onWork((kind) => {
    if (kind === "strokes" && get("lesson")) draw();
    tell();
  });
  onTool(() => {
    if (!get("lesson")) return;
    tool();
    palette(nodes.classes);
    tell();
  });
  onLive(tell);
}
