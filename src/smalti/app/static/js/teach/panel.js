/** The panel that teaches: begin or continue a lesson, tools, classes, score, and what is made of it. */

import { $, check, el, field, fill, segments } from "../core/dom.js";
import { ask, post } from "../core/api.js";
import { clock } from "../core/format.js";
import { place } from "../core/problem.js";
import { randomName } from "../core/random.js";
import { get, set, watch } from "../core/store.js";
import { take } from "../jobs/follow.js";
import { swipe } from "../viewer/layers.js";
import { setSwipe } from "../viewer/swipe.js";
import { onTool, tool, use } from "./brush.js";
import { chart } from "./chart.js";
import { begin, leave, onWork, open, redo, remove, save, undo, undoLesson, work } from "./lesson.js";
import { live, onLive, setLive } from "./overlay.js";
import { palette } from "./palette.js";
import { next } from "./places.js";

const TOOLS = [["hand", "Move"], ["brush", "Brush"], ["polygon", "Polygon"], ["eraser", "Eraser"]];
const WHAT = {
  hand: "Drag to move the scene.",
  brush: "Paint where the map is wrong: a short stroke inside one thing. Two fingers or Move move the scene.",
  polygon: "Set corners; a double click ends it, Esc drops it.",
  eraser: "Erases strokes.",
};
const nodes = {
  head: el("section.block", { "aria-label": "Lesson" }),
  tools: el("section.block", { "aria-label": "Tools" }),
  classes: el("section.block", { "aria-label": "Classes" }),
  score: el("section.block", { "aria-label": "Score" }),
  done: el("section.block", { "aria-label": "Model" }),
};
const [trouble, wrong] = [place(), place()];
const [status, said] = [el("p.small.soft", { role: "status" }), el("p.small.soft", { role: "status" })];
let lessons = [];

const button = (text, work, attributes = {}, kind = "button") => el(kind, { type: "button", "data-key": text, onclick: work, ...attributes }, text);

async function list() {
  lessons = await ask("api/lessons");
  draw();
}

/** Begins a lesson, once however often it is pressed. */
const starting = (model) => async ({ target }) => {
  target.disabled = true;
  await trouble.run(() => begin(model.value));
  target.disabled = false;
};

function start() {
  const scene = get("scene");
  const able = get("models").filter(({ tasks }) => tasks.some(({ kind }) => kind === "classes"));
  const model = el("select", { "aria-label": "Model", id: "teach-model" }, able.map(({ name }) => el("option", { value: name, selected: name === "landcover" }, name)));
  const own = lessons.filter((each) => each.scenes.some((one) => one.scene === scene.id));
  const others = lessons.filter((each) => !own.includes(each));
  const item = (text, lesson) => el("li.item", {}, el("button.name", { type: "button", onclick: () => trouble.run(() => open(lesson)) }, el("span", {}, `${text} ${lesson.name}`), el("span.soft.small", {}, `${lesson.model} · ${clock(lesson.created)}`)));
  return [
    el("section.block", { "aria-label": "Teach" }, el("h2", {}, "Teach it your place"),
      el("p.small.soft", {}, "Where a model is wrong, paint a few strokes: it learns them in a second, and the result is a model of your own."),
      field("Start from", model), button("Begin", starting(model), { id: "begin" }, "button.strong.wide"), trouble),
    (own.length || others.length) && el("section.block", { "aria-label": "Lessons" }, el("h2", {}, "Go on"), el("ul.list", {}, own.map((each) => item("", each)), others.map((each) => item("Here, too:", each)))),
  ].filter(Boolean);
}

function head(lesson) {
  const drop = () => confirm(`Remove the lesson ${lesson.name} with its strokes? Saved models stay.`) && trouble.run(() => remove(lesson).then(list));
  fill(nodes.head, el("h2", {}, lesson.name, el("span.soft.small", {}, `from ${lesson.model}`)),
    el("div.row", {}, button("Close", () => { leave(); list(); }), button("Remove", drop, {}, "button.quiet")), trouble);
}

function tools() {
  const size = el("input", { type: "range", min: 0, max: 100, step: 1, value: String(Math.round(20 * Math.log2(tool.size))), "data-key": "size", "aria-valuetext": `${Math.round(tool.size)} pixels`, oninput: ({ target }) => use({ size: Math.round(2 ** (target.value / 20) * 2) / 2 }) });
  fill(nodes.tools,
    segments({ legend: "Tool", name: "tool", choices: TOOLS, value: tool.name, onchange: (name) => use({ name }) }),
    el("p.small.soft", {}, WHAT[tool.name]),
    (tool.name === "brush" || tool.name === "eraser") && field(`Width: ${Math.round(tool.size)} pixels`, size),
    el("div.row", {}, button("Undo", undo, { disabled: !work.past.length }), button("Redo", redo, { disabled: !work.future.length })),
    wrong, status);
}

function state() {
  const parts = [work.waiting && `${work.waiting} on the way to the server`, work.learning && "learning", live.stale && `predicting ${live.stale} tiles in view`, !live.stale && live.left && `${live.left} of ${live.tiles} tiles of the scene to go`];
  status.textContent = parts.filter(Boolean).join(" · ") || "Saved.";
  if (work.wrong) wrong.show(work.wrong);
  else wrong.hidden = true;
  for (const [name, stack] of [["Undo", work.past], ["Redo", work.future]]) nodes.tools.querySelector(`[data-key=${name}]`)?.toggleAttribute("disabled", !stack.length);
}

function score(lesson) {
  const last = lesson.steps.at(-1);
  const strength = el("input", { type: "range", min: 0, max: 100, value: String(100 * live.opacity), "data-key": "live-opacity", oninput: ({ target }) => setLive({ opacity: target.value / 100 }) });
  fill(nodes.score, el("h2", {}, "Score"),
    last ? [el("p.small", {}, last.by_stroke.text), el("p.small.soft", {}, last.by_place.text), !last.learned && el("p.note", {}, "The strokes did not improve the model yet: it stays as it was."), last.notes.map((note) => el("p.note", {}, note))]
      : el("p.small.soft", {}, "Nothing was learned yet: what you see is the model as it is."),
    chart(lesson.steps),
    el("label.field", {}, "Opacity of the live map", strength),
    el("div.row", {}, check("Swipe", { checked: swipe.at !== null, "data-key": "teach-swipe", onchange: ({ target }) => setSwipe(target.checked) })),
    el("div.row", {}, button("Next place to look", look, { id: "next-place" }), button("Undo lesson", back, { disabled: !last, id: "undo-lesson" })), said);
}

async function look() {
  said.textContent = "Looking for the places where strokes help most; on a large scene this takes up to a minute.";
  said.textContent = (await trouble.run(next)) ?? "";
}

async function back() {
  said.textContent = "Taking the last lesson back …";
  await trouble.run(undoLesson);
  said.textContent = "";
}

const free = (stem) => {
  const names = new Set(get("models").map(({ name }) => name));
  for (let number = 1; ; number += 1) if (!names.has(`${stem}-${number}`)) return `${stem}-${number}`;
};
const stemOf = (lesson) => lesson.name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 48) || "own";
const trained = place();
let typed = { lesson: null, text: "" }; // a name that was not saved yet; each lesson draws the form anew

function done(lesson) {
  const last = lesson.steps.at(-1);
  const proposed = (typed.lesson === lesson.id && typed.text) || (last?.model ?? free(stemOf(lesson)));
  const type = ({ target }) => (typed = { lesson: lesson.id, text: target.value });
  const name = el("input", { type: "text", required: true, pattern: "[A-Za-z0-9][A-Za-z0-9_.\\-]*", maxlength: 64, value: proposed, oninput: type, "data-key": "model-name", autocomplete: "off" });
  const keep = async () => {
    const model = await save(name.value);
    if (typed.text === model.name) typed = { lesson: null, text: "" };
    return model;
  };
  const submit = (event) => {
    event.preventDefault();
    trained.run(keep);
  };
  const all = () => trained.run(async () => {
    const model = lesson.steps.at(-1)?.model ?? (await keep()).name;
    take(await post("api/jobs", { scene: get("scene").id, model, options: { confidence: true } }, { "Idempotency-Key": randomName() }));
    set({ tab: "result" });
  });
  const models = lesson.steps.map(({ model }) => model).filter(Boolean).reverse();
  fill(nodes.done, el("h2", {}, "Your model"),
    el("form.list", { onsubmit: submit }, field("Name", name), el("div.row", {}, el("button.strong", { type: "submit", "data-key": "save-model", id: "save-model", disabled: !last }, "Save model"), button("Map all", all, { id: "map-all", disabled: !last }))),
    trained,
    models.length > 0 && el("ul.downloads", {}, models.map((each) => el("li", {}, el("a.button", { href: `api/models/${encodeURIComponent(each)}/file`, download: `${each}.onnx`, "data-key": each }, `${each}.onnx`)))));
}

let drawn = "";

function draw() {
  const { scene, lesson } = { scene: get("scene"), lesson: get("lesson") };
  const panel = $("#panel-teach");
  if (!scene) return fill(panel, el("p.soft", {}, "Open a scene first: drop it anywhere, or choose it under Scene."));
  if (!lesson) {
    drawn = "";
    return panel.replaceChildren(...start());
  }
  if (!panel.contains(nodes.head)) panel.replaceChildren(...Object.values(nodes));
  const key = JSON.stringify([lesson, get("models").length]);
  if (drawn === key) return undefined;
  drawn = key;
  head(lesson);
  palette(nodes.classes);
  score(lesson);
  done(lesson);
  tools();
  return state();
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
  watch(["scene"], ({ scene }) => {
    another(scene, before);
    before = scene?.id;
  });
  watch(["scene", "lesson", "models"], draw);
  watch(["scene", "tab"], ({ scene, tab }) => scene && tab === "teach" && !get("lesson") && trouble.run(list));
  onWork((kind) => (kind === "strokes" ? get("lesson") && (draw(), state()) : state()));
  onTool(() => {
    if (!get("lesson")) return;
    tools();
    palette(nodes.classes);
    state();
  });
  onLive(state);
}
