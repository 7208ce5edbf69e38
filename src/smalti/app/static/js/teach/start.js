/** Where no lesson is open: begin one, go on with one, and the models that came of them. */

import { el, field } from "../core/dom.js";
import { clock } from "../core/format.js";
import { place } from "../core/problem.js";
import { get } from "../core/store.js";
import { bandControls, fits } from "../mapping/bands.js";
import { begin, open } from "./lesson.js";
import { ownModels } from "./own.js";

let from = "landcover"; // the model that was chosen
let busy = null; // the key of what is on its way
const trouble = place();
const deleting = place();
const bands = bandControls();
const WHY = "The model does not find its bands in this scene. Which ones are they?";
const bandBlock = el("div.note", {}, WHY, bands);

/** What begins or opens a lesson, once however often it is pressed, and one at a time; `draw` draws all again. */
const once = (key, draw, work) => ({
  type: "button", "data-key": key, disabled: busy !== null, "aria-busy": busy === key ? "true" : null,
  onclick: async () => {
    busy = key;
    draw();
    await trouble.run(work);
    busy = null;
    draw();
  },
});

/** Offers the choice of bands where the scene and the model need it. */
function showBands(name) {
  const [scene, model] = [get("scene"), get("models").find((each) => each.name === name)];
  bandBlock.hidden = !model || fits(scene, model) || scene.bands.length < model.bands.length;
  bands.show(scene, bandBlock.hidden ? undefined : model, true);
}

const chosen = () => (bandBlock.hidden ? null : bands.given());

function beginning(draw) {
  const able = get("models").filter(({ tasks }) => tasks.some(({ kind }) => kind === "classes"));
  const choose = () => {
    from = select.value;
    showBands(from);
  };
  const select = el("select", { id: "teach-model", "data-key": "teach-model", onchange: choose }, able.map(({ name }) => el("option", { value: name, selected: name === from }, name)));
  showBands(select.value);
  return el("section.block", { "aria-label": "Teach" }, el("h2", {}, "Teach it your place"),
    el("p.small.soft", {}, "Where a model is wrong, paint a few strokes: it learns them in a second, and the result is a model of your own."),
    field("Start from", select), bandBlock,
    el("button.strong.wide", { id: "begin", ...once("begin", draw, () => begin(select.value, chosen())) }, "Begin"), trouble);
}

function goingOn(lessons, draw) {
  const here = (lesson) => lesson.scenes.some((one) => one.scene === get("scene").id);
  const item = (text, lesson) => el("li.item", {}, el("button.name", once(lesson.id, draw, () => open(lesson, chosen())), el("span", {}, `${text} ${lesson.name}`), el("span.soft.small", {}, `${lesson.model} · ${clock(lesson.created)}`)));
  const own = lessons.filter(here);
  const others = lessons.filter((each) => !own.includes(each));
  if (!lessons.length) return null;
  return el("section.block", { "aria-label": "Lessons" }, el("h2", {}, "Go on"), el("ul.list", {}, own.map((each) => item("", each)), others.map((each) => item("Here, too:", each))));
}

function models() {
  const list = ownModels(get("models").map(({ name }) => name), deleting);
  return list && el("section.block", { "aria-label": "Your models" }, el("h2", {}, "Your models"), list, deleting);
}

/** What is shown where no lesson is open; `draw` draws it again. */
export const start = (lessons, draw) => [beginning(draw), goingOn(lessons, draw), models()].filter(Boolean);
