/** Which layer of the map is shown, how strongly, and the swipe. */

import { $, check, el, fill, segments } from "../core/dom.js";
import { named, short } from "../core/format.js";
import { refresh, swipe, view } from "../viewer/layers.js";
import { setSwipe } from "../viewer/swipe.js";

function ramp({ low, high, unit, colors }) {
  const canvas = el("canvas", { width: 200, height: 1, role: "img", "aria-label": `From ${short(low)} to ${short(high)} ${unit}` });
  const context = canvas.getContext("2d");
  const gradient = context.createLinearGradient(0, 0, 200, 0);
  colors.forEach((color, at) => gradient.addColorStop(at / Math.max(1, colors.length - 1), color));
  context.fillStyle = gradient;
  context.fillRect(0, 0, 200, 1);
  const end = (value) => el("span", {}, `${short(Number(value.toPrecision(3)))} ${unit ?? ""}`);
  return el("div.ramp", {}, end(low), canvas, end(high));
}

export function toggleSwipe() {
  setSwipe(swipe.at === null);
  const box = $("#swipe-on");
  if (box) box.checked = swipe.at !== null;
}

export function toggleMap() {
  view.on = !view.on;
  refresh();
}

/** The controls of a job's layers, drawn into a node; `changed` hears of another layer. */
export function layerControls(node, job, changed) {
  const flat = job.layers.filter((name) => name !== "hillshade");
  const pick = (name) => {
    view.layer = name;
    refresh();
    changed();
  };
  const strong = el("output", {}, `${Math.round(100 * view.opacity)} %`);
  const strength = el("input", { type: "range", min: 0, max: 100, value: String(100 * view.opacity), "data-key": "opacity", oninput: ({ target }) => {
    view.opacity = target.value / 100;
    strong.textContent = `${target.value} %`;
    refresh();
  } });
  const shade = check("Hillshade", { checked: view.shade, "data-key": "shade", onchange: ({ target }) => {
    view.shade = target.checked;
    refresh();
  } });
  fill(node,
    el("h2", {}, "Layers"),
    flat.length > 1 && segments({ legend: "Layer", name: "layer", choices: flat.map((name) => [name, named(name)]), value: view.layer, onchange: pick }),
    job.ramps?.[view.layer] && ramp(job.ramps[view.layer]),
    el("label.field", {}, el("span.row.spread", {}, "Opacity", strong), strength),
    el("div.row.apart", {}, check("Swipe", { id: "swipe-on", checked: swipe.at !== null, "data-key": "swipe", onchange: ({ target }) => setSwipe(target.checked) }), job.layers.includes("hillshade") && shade));
}
