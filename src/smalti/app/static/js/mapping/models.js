/** Cards of models, one of which is chosen. */

import { el, fill, swatch } from "../core/dom.js";
import { short } from "../core/format.js";
import { watch } from "../core/store.js";

/** The chosen name. */
export const choice = { model: null };

const maps = (model) => model.tasks.some(({ kind }) => kind === "classes");

function chips(task) {
  if (task.kind !== "classes") return el("span", {}, `${task.name}${task.unit ? ` in ${task.unit}` : ""}`);
  return task.labels.map((label, at) => el("span", {}, task.colors?.[at] && swatch(task.colors[at]), label));
}

function pixelSize({ resolution }) {
  return resolution?.length ? `${short(resolution[0])} to ${short(resolution[1])} m` : "";
}

function more({ card }) {
  const origin = card?.origin ?? {};
  const rows = [
    ["Good for", origin.good_for],
    ["Not for", origin.not_for],
    ...(origin.scores ?? []).slice(0, 4).map(({ name, value }) => [name, short(Number(value.toPrecision(3)))]),
    ["Data", origin.data?.join("; ")],
    ["Licence", origin.licence],
  ].filter(([, text]) => text);
  return el("details", {}, el("summary", {}, "Card"), el("dl.facts", {}, rows.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, text)])));
}

function cardOf(model, changed) {
  const choose = () => {
    choice.model = model.name;
    changed();
  };
  const radio = el("input", { type: "radio", name: "model", value: model.name, checked: model.name === choice.model, onchange: choose });
  return el("div.model", {},
    el("label", {}, radio, model.name, el("span.size", {}, pixelSize(model))), el("div.chips", {}, model.tasks.map(chips)), more(model));
}

/** The cards; `changed` hears of a choice. */
export function modelCards(changed) {
  const list = el("div.models", { role: "radiogroup", "aria-label": "Model" });
  watch(["models"], ({ models }) => {
    const able = models.filter(maps);
    if (!able.some(({ name }) => name === choice.model)) choice.model = (able.find(({ name }) => name === "landcover") ?? able[0])?.name;
    fill(list, able.map((model) => cardOf(model, changed)));
    changed();
  });
  return list;
}
