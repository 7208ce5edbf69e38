/** The name of the lesson, its scenes, and its end. */

import { again } from "../core/again.js";
import { el, field, fillRows } from "../core/dom.js";
import { place } from "../core/problem.js";
import { get } from "../core/store.js";
import { leave, remove, rename, takeOut } from "./lesson.js";

const trouble = place();
let editing = null; // {lesson, form}: the form for its name, which stays while the rest is drawn again
let unfolded = false; // whether the scenes are; each lesson draws them anew

function form(lesson, draw) {
  const text = el("input", { type: "text", value: lesson.name, required: true, maxlength: 80, autocomplete: "off", "data-key": "lesson-name" });
  const close = () => {
    if (editing?.form === made) editing = null;
    if (get("lesson")?.id === lesson.id) draw();
  };
  const submit = (event) => {
    event.preventDefault();
    if (!text.value.trim()) return;
    trouble.run(async () => {
      await rename(text.value.trim());
      close();
    });
  };
  const made = el("form.list", { onsubmit: submit }, field("Name of the lesson", text),
    el("div.row", {}, el("button.strong", { type: "submit", "data-key": "lesson-save" }, "Save"), el("button", { type: "button", "data-key": "lesson-cancel", onclick: close }, "Cancel")));
  return made;
}

function title(lesson, draw) {
  const edit = () => {
    editing = { lesson: lesson.id, form: form(lesson, draw) };
    draw();
    editing.form.querySelector("input").select();
  };
  const pencil = el("button.round.plain", { type: "button", title: "Rename the lesson", "aria-label": "Rename the lesson", "data-key": "rename-lesson", onclick: edit }, "✎");
  return el("div.item", {}, el("h2.grow", {}, lesson.name), el("span.soft.small", {}, `from ${lesson.model}`), pencil);
}

function sceneRow({ scene, strokes, missing }) {
  const name = get("scenes").find(({ id }) => id === scene)?.name ?? scene;
  const what = [`${strokes} ${strokes === 1 ? "stroke" : "strokes"}`, missing && "its file is gone"].filter(Boolean).join(", ");
  const out = again("Take out", `Take ${name} with its strokes out of the lesson`, () => trouble.run(() => takeOut(scene)), { "data-key": `take out ${scene}` });
  return el("li.item.small", {}, el("span.grow", {}, name, el("span.soft", {}, ` · ${what}`)), scene !== get("scene")?.id && out);
}

/** The scenes, where there are several: those whose file is gone hinder the lesson. */
function scenes(lesson) {
  if (lesson.scenes.length < 2) return null;
  const gone = lesson.scenes.some(({ missing }) => missing);
  return el("details", { open: gone || unfolded, ontoggle: ({ target }) => (unfolded = target.open) }, el("summary", { "data-key": "lesson-scenes" }, `${lesson.scenes.length} scenes`), el("ul.list", {}, lesson.scenes.map(sceneRow)));
}

/** Draws the head of a lesson into a node; `done` is called when the lesson was left. */
export function head(node, lesson, done) {
  const draw = () => head(node, get("lesson"), done);
  const drop = () => trouble.run(() => remove(lesson).then(done));
  const close = () => {
    leave();
    done();
  };
  if (editing?.lesson !== lesson.id) editing = null;
  const act = (text, work) => el("button", { type: "button", "data-key": text, onclick: work }, text);
  const ends = el("div.row.spread", {}, act("Close", close), again("Remove", `Remove the lesson ${lesson.name} with its strokes`, drop, { "data-key": "remove-lesson" }));
  fillRows(node, [editing?.form ?? title(lesson, draw), scenes(lesson), ends, trouble].filter(Boolean));
}
