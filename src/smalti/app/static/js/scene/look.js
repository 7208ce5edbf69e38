/** Bands and stretch for the eye; what the model sees does not change. */

import { el, field, fill } from "../core/dom.js";
import { watch } from "../core/store.js";
import { look } from "../viewer/layers.js";

const NAMES = ["Red", "Green", "Blue"];

/** The band that is shown at first: the one of that name, else the one of that number. */
function usual({ bands }, at) {
  const named = NAMES.map((name) => bands.indexOf(name.toLowerCase()));
  return named.includes(-1) ? Math.min(at, bands.length - 1) : named[at];
}

function bandSelect(scene, at, changed) {
  const options = scene.bands.map((band, number) => el("option", { value: String(number + 1), selected: number === usual(scene, at) }, band));
  return el("select", { onchange: changed, "aria-label": `${NAMES[at]} band` }, options);
}

function controls(scene) {
  const changed = () => {
    const bands = selects.map(({ value }) => value).join(",");
    const range = stretch.checked ? `${low.value}%,${high.value}%` : "";
    look({ bands, stretch: range });
  };
  const selects = scene.bands.length > 1 ? NAMES.map((_, at) => bandSelect(scene, at, changed)) : [];
  const percentage = (value) => el("input", { type: "number", min: "0", max: "100", step: "0.5", value, onchange: changed });
  const [low, high] = [percentage("2"), percentage("98")];
  const stretch = el("input", { type: "checkbox", checked: scene.dtype !== "uint8", onchange: changed });
  return [
    el("h2", {}, "Look"),
    selects.length > 0 && el("div.triple", {}, selects.map((select, at) => field(NAMES[at], select))),
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
