/** Bands and stretch for the eye; what the model sees does not change. */

import { el, field, fill } from "../core/dom.js";
import { watch } from "../core/store.js";
import { look } from "../viewer/layers.js";

const NAMES = ["Red", "Green", "Blue"];

function bandSelect(scene, at, changed) {
  const numbers = Array.from({ length: scene.bands }, (_, band) => band + 1);
  const options = numbers.map((band) => el("option", { value: String(band), selected: band === Math.min(at + 1, scene.bands) }, `${band}`));
  return el("select", { onchange: changed, "aria-label": `${NAMES[at]} band` }, options);
}

function controls(scene) {
  const changed = () => {
    const bands = selects.map(({ value }) => value).join(",");
    const range = stretch.checked ? `${low.value}%,${high.value}%` : "";
    look({ bands: scene.bands > 1 ? bands : "", stretch: range });
  };
  const selects = scene.bands > 1 ? NAMES.slice(0, Math.min(3, scene.bands)).map((_, at) => bandSelect(scene, at, changed)) : [];
  if (selects.length === 2) selects.push(bandSelect(scene, 1, changed));
  const percentage = (value) => el("input", { type: "number", min: "0", max: "100", step: "0.5", value, onchange: changed });
  const [low, high] = [percentage("2"), percentage("98")];
  const stretch = el("input", { type: "checkbox", checked: scene.dtype !== "uint8", onchange: changed });
  return [
    el("h2", {}, "Look"),
    selects.length && el("div.triple", {}, selects.map((select, at) => field(NAMES[at], select))),
    el("label.check", {}, stretch, el("span", {}, "Stretch", el("span.soft", {}, "For the eye only: the model sees the pixels as they are."))),
    el("div.pair", {}, field("From percentile", low), field("to percentile", high)),
  ];
}

export function lookBlock() {
  const block = el("section.block", { "aria-label": "Look" });
  watch(["scene"], ({ scene }) => {
    block.hidden = !scene;
    fill(block, ...(scene ? controls(scene) : []));
  });
  return block;
}
