/** The classes of the lesson: choose one, rename it, give it another colour, add one. */

import { el, field, fill, swatch } from "../core/dom.js";
import { place } from "../core/problem.js";
import { get } from "../core/store.js";
import { tool, use } from "./brush.js";
import { setClasses } from "./lesson.js";

const FREE = ["#CC79A7", "#F0E442", "#56B4E9", "#E69F00", "#009E73", "#D55E00", "#8A60D0", "#30C0A0"];
const trouble = place();
let edited = null; // the name of the class whose form is open; "" for a new one

const listed = () => get("lesson").classes.map(({ name, color }) => ({ name, color: color.toUpperCase(), was: name }));
const freeColor = () => FREE.find((color) => !listed().some((each) => each.color === color)) ?? "#7F7F7F";

async function put(classes, chosen, node) {
  await trouble.run(async () => {
    await setClasses(classes);
    edited = null;
    use({ label: chosen });
    palette(node);
  });
}

function form(node, { name, color, was }) {
  const text = el("input", { type: "text", value: name, required: true, maxlength: 80, autocomplete: "off", "data-key": "class-name" });
  const tint = el("input", { type: "color", value: color.toLowerCase(), "data-key": "class-color" });
  const others = listed().filter((each) => each.was !== was);
  const submit = (event) => {
    event.preventDefault();
    const changed = { name: text.value.trim(), color: tint.value.toUpperCase(), was };
    put(was === null ? [...others, changed] : listed().map((each) => (each.was === was ? changed : each)), changed.name, node);
  };
  const known = get("lesson").classes.find((each) => each.name === was);
  const gone = known?.new && !known.strokes;
  const close = () => {
    edited = null;
    palette(node);
  };
  return el("form.list", { onsubmit: submit },
    el("div.tint", {}, field("Name", text), field("Colour", tint)),
    el("div.row", {}, el("button.strong", { type: "submit", "data-key": "class-save" }, was === null ? "Add" : "Save"),
      el("button", { type: "button", onclick: close }, "Cancel"),
      gone && el("button.quiet", { type: "button", onclick: () => put(others, others[0]?.name, node) }, "Remove")));
}

function row(node, each, at) {
  const edit = () => {
    edited = each.name;
    palette(node);
    node.querySelector("[data-key=class-name]")?.focus();
  };
  const radio = el("input", { type: "radio", name: "teach-class", value: each.name, checked: each.name === tool.label, "data-key": `paint ${each.name}`, onchange: () => use({ label: each.name }) });
  return el("li", {},
    el("div.item", {}, el("label.paint", {}, radio, swatch(each.color), el("span.grow", {}, each.name), at < 9 && el("kbd", { "aria-hidden": "true" }, String(at + 1)), el("span.soft.small", {}, each.strokes ? `${each.strokes}` : "")),
      el("button.round", { type: "button", title: `Rename or recolour ${each.name}`, "aria-label": `Rename or recolour ${each.name}`, "data-key": `edit ${each.name}`, onclick: edit }, "✎")),
    edited === each.name && form(node, { name: each.name, color: each.color, was: each.name }));
}

/** Draws the classes into a node. */
export function palette(node) {
  const lesson = get("lesson");
  if (!lesson) return;
  const add = () => {
    edited = "";
    palette(node);
    node.querySelector("[data-key=class-name]")?.focus();
  };
  fill(node,
    el("h2", {}, "Classes", el("span.soft.small", {}, "strokes")),
    el("ul.list.classes", {}, lesson.classes.map((each, at) => row(node, each, at))),
    edited === "" ? form(node, { name: "", color: freeColor(), was: null }) : el("div.row", {}, el("button", { type: "button", "data-key": "add-class", onclick: add }, "Add a class")),
    trouble);
}

/** The class of a number key, from 1. */
export function pick(number) {
  const found = get("lesson")?.classes[number - 1];
  if (found) use({ label: found.name, name: tool.name === "polygon" ? "polygon" : "brush" });
}
