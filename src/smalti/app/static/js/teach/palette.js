/** The classes of the lesson: choose one, rename, recolour, merge or split it, add one. */

import { el, field, fillRows, swatch } from "../core/dom.js";
import { place } from "../core/problem.js";
import { get } from "../core/store.js";
import { tool, use } from "./brush.js";
import { changed, freeColor, listed, merged, split } from "./classes.js";
import { setClasses } from "./lesson.js";

const trouble = place();
let edited = null; // {lesson, was, row, parts}: the class whose form is open, null for a new one; the form stays while the rest is drawn again
const heading = el("h2", {}, "Classes", el("span.soft.small", {}, "strokes"));
const list = el("ul.list.classes");

/** Sends the classes that `make` gives, and chooses one of them. */
const put = (node, make, chosen) => trouble.run(async () => {
  const sent = edited;
  const shown = await setClasses(make());
  if (edited === sent) edited = null;
  if (!shown) return;
  use({ label: chosen });
  palette(node);
});

function close(node) {
  edited = null;
  palette(node);
}

const others = (was) => listed().filter((each) => each.was !== was);
const text = (value, key) => el("input", { type: "text", value, required: true, maxlength: 80, autocomplete: "off", "data-key": key });

function form(node, { name, color, was }) {
  const [called, tint] = [text(name, "class-name"), el("input", { type: "color", value: color.toLowerCase(), "data-key": "class-color" })];
  const submit = (event) => {
    event.preventDefault();
    const own = { name: called.value.trim(), color: tint.value.toUpperCase(), was };
    put(node, () => changed(own), own.name);
  };
  const known = get("lesson").classes.find((each) => each.name === was);
  const gone = known?.new && !known.strokes;
  return el("form.list", { onsubmit: submit },
    el("div.tint", {}, field("Name", called), field("Colour", tint)),
    el("div.row", {}, el("button.strong", { type: "submit", "data-key": "class-save" }, was === null ? "Add" : "Save"),
      el("button", { type: "button", "data-key": "class-cancel", onclick: () => close(node) }, "Cancel"),
      gone && el("button.quiet", { type: "button", "data-key": "class-remove", onclick: () => put(node, () => others(was), others(was)[0]?.name) }, "Remove")));
}

function mergeForm(node, was) {
  const into = el("select", { "data-key": "merge-into" }, others(was).map(({ name }) => el("option", { value: name }, name)));
  const submit = (event) => {
    event.preventDefault();
    put(node, () => merged(was, into.value), into.value);
  };
  return el("form.beside", { onsubmit: submit }, field("Merge into", into), el("button", { type: "submit", "data-key": "merge" }, "Merge"));
}

function splitForm(node, was) {
  const names = [text(was, "split-first"), text("", "split-second")];
  const submit = (event) => {
    event.preventDefault();
    const wanted = names.map(({ value }) => value.trim());
    put(node, () => split(was, wanted), wanted[1]);
  };
  return el("form.beside", { onsubmit: submit }, field("Split into", names[0]), field("and", names[1]), el("button", { type: "submit", "data-key": "split" }, "Split"));
}

/** What else can be done with a class; its strokes follow. */
function more(node, { name, new: isNew }) {
  const several = get("lesson").classes.length > 2;
  if (isNew && !several) return null;
  return el("details", {}, el("summary", { "data-key": "class-more" }, isNew ? "Merge" : "Merge or split"),
    el("div", {}, several && mergeForm(node, name), !isNew && splitForm(node, name),
      el("p.small.soft", {}, isNew ? "Its strokes follow." : "Its strokes follow; of a class that is split they get the first name.")));
}

/** Opens the form of a class, or of a new one. */
function edit(node, known = null) {
  const was = known && known.name;
  const parts = [form(node, { name: was ?? "", color: known?.color ?? freeColor(), was }), known && more(node, known), trouble].filter(Boolean);
  edited = { lesson: get("lesson").id, was, row: el("li"), parts };
  trouble.hidden = true;
  palette(node);
  node.querySelector("[data-key=class-name]").focus();
}

function row(node, each, at) {
  const open = edited?.was === each.name;
  const what = `Change ${each.name}: name, colour, merge, split`;
  const radio = el("input", { type: "radio", name: "teach-class", value: each.name, checked: each.name === tool.label, "data-key": `paint ${each.name}`, onchange: () => use({ label: each.name }) });
  const item = el("div.item", {}, el("label.paint", {}, radio, swatch(each.color), el("span.grow", {}, each.name), at < 9 && el("kbd", { "aria-hidden": "true" }, String(at + 1)), el("span.soft.small", {}, each.strokes ? `${each.strokes}` : "")),
    el("button.round", { type: "button", title: what, "aria-label": what, "aria-expanded": String(open), "data-key": `edit ${each.name}`, onclick: () => (open ? close(node) : edit(node, each)) }, "✎"));
  if (!open) return el("li", {}, item);
  fillRows(edited.row, [item, ...edited.parts]);
  return edited.row;
}

/** Draws the classes into a node. */
export function palette(node) {
  const lesson = get("lesson");
  if (!lesson) return;
  if (edited?.lesson !== lesson.id) edited = null;
  const adding = edited?.was === null ? edited.parts : [el("div.row", {}, el("button", { type: "button", "data-key": "add-class", onclick: () => edit(node) }, "Add a class"))];
  fillRows(list, lesson.classes.map((each, at) => row(node, each, at)));
  fillRows(node, [heading, list, ...adding]);
}

/** The class of a number key, from 1. */
export function pick(number) {
  const found = get("lesson")?.classes[number - 1];
  if (found) use({ label: found.name, name: tool.name === "polygon" ? "polygon" : "brush" });
}
