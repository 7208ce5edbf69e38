/** What is made of a lesson: a model with a name, and a map by it. */

import { el, field, fill } from "../core/dom.js";
import { post, Problem } from "../core/api.js";
import { place } from "../core/problem.js";
import { randomName } from "../core/random.js";
import { get } from "../core/store.js";
import { take, update } from "../jobs/follow.js";
import { at, save } from "./lesson.js";
import { ownModels } from "./own.js";

const trouble = place();
let typed = { lesson: null, text: "" }; // a name that was not saved yet; each lesson draws the form anew

const known = (name) => get("models").some((model) => model.name === name);
const free = (stem) => {
  for (let number = 1; ; number += 1) if (!known(`${stem}-${number}`)) return `${stem}-${number}`;
};
const stemOf = ({ name }) => name.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 48) || "own";

async function keep(text) {
  if (known(text)) throw new Problem({ detail: `There is a model named ${text} already`, todo: "Choose another name" });
  const model = await save(text);
  if (typed.text === model.name) typed = { lesson: null, text: "" };
  return model;
}

async function mapAll(lesson, text) {
  const [scene, asked] = [get("scene").id, at()];
  const saved = lesson.steps.at(-1)?.model;
  const model = saved && known(saved) ? saved : (await keep(text)).name;
  const bands = lesson.scenes.find((each) => each.scene === scene)?.bands;
  const options = { confidence: true, ...(bands ? { bands } : {}) };
  const job = await post("api/jobs", { scene, model, options }, { "Idempotency-Key": randomName() });
  return at() === asked ? take(job) : update(job);
}

/** Draws the form of the model into a node. */
export function model(node, lesson) {
  const last = lesson.steps.at(-1);
  const saved = last?.model && known(last.model) ? last.model : null;
  const proposed = (typed.lesson === lesson.id && typed.text) || (saved ?? free(stemOf(lesson)));
  const type = ({ target }) => (typed = { lesson: lesson.id, text: target.value });
  const name = el("input", { type: "text", required: true, pattern: "[A-Za-z0-9][A-Za-z0-9_.\\-]*", title: "Letters, digits, dots, dashes and underscores", maxlength: 64, value: proposed, oninput: type, "data-key": "model-name", autocomplete: "off" });
  const submit = (event) => {
    event.preventDefault();
    trouble.run(() => keep(name.value));
  };
  const all = () => name.reportValidity() && trouble.run(() => mapAll(lesson, name.value));
  const button = (text, id, kind, more) => el(`button${kind}`, { id, "data-key": id, disabled: !last, ...more }, text);
  const names = lesson.steps.map((step) => step.model).filter(Boolean);
  fill(node, el("h2", {}, "Your model"),
    el("form.list", { onsubmit: submit }, field("Name", name), el("div.row", {}, button("Save model", "save-model", ".strong", { type: "submit" }), button("Map all", "map-all", "", { type: "button", onclick: all }))),
    !last && el("p.small.soft", {}, "Paint some strokes first."),
    trouble, ownModels(names, trouble));
}
