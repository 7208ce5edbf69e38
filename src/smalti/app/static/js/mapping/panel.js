/** The panel that starts a map: model, area, options, and the button. */

import { $, el, fill, segments } from "../core/dom.js";
import { post } from "../core/api.js";
import { megapixels, short } from "../core/format.js";
import { place } from "../core/problem.js";
import { randomName } from "../core/random.js";
import { get, set, watch } from "../core/store.js";
import { take } from "../jobs/follow.js";
import { draw, inView, pixelsOf, stopDrawing } from "../viewer/area.js";
import { choice, modelCards } from "./models.js";
import { optionControls } from "./options.js";

let how = "all";
let busy = false; // a job is being sent
const trouble = place();
const options = optionControls();
const hint = el("p.small.soft", { role: "status" });
const button = el("button.strong.wide", { type: "button", id: "start" }, "Map");

const CHOICES = [["all", "All"], ["view", "In view"], ["box", "Box"], ["polygon", "Polygon"]];
const KEYS = "By keyboard: move the cross with the arrow keys, set corners with Enter";
const HINTS = {
  box: `Click two opposite corners in the viewer. ${KEYS}.`,
  polygon: `Click the corners in the viewer, the last one twice. ${KEYS}, the last one twice; Backspace removes one.`,
};

function choose(kind) {
  how = kind;
  stopDrawing();
  if (kind === "all") set({ area: null });
  if (kind === "view") inView();
  if (kind in HINTS) draw(kind);
  tell();
}

function scaled(scene, model) {
  const size = scene.metres_per_pixel && Math.sqrt(scene.metres_per_pixel[0] * scene.metres_per_pixel[1]);
  if (!size || !model?.native_pixels) return "";
  const [least, most] = model.native_pixels;
  if (size >= least && size <= most) return "";
  const range = [...new Set(model.resolution.map(short))].join(" to ");
  return ` The scene has ${short(Number(size.toPrecision(3)))} m per pixel, the model is for ${range} m: it is resampled where that helps.`;
}

function tell() {
  const [scene, area] = [get("scene"), get("area")];
  if (!scene) return;
  const waiting = how in HINTS && !area;
  button.disabled = busy || waiting || !choice.model;
  const model = get("models").find(({ name }) => name === choice.model);
  options.show(scene, model);
  hint.textContent = waiting ? HINTS[how] : `${megapixels(pixelsOf(scene, area))} of ${scene.name}.${scaled(scene, model)}`;
}

async function start() {
  busy = button.disabled = true;
  const body = { scene: get("scene").id, model: choice.model, options: options.given(), area: get("area") };
  await trouble.run(async () => take(await post("api/jobs", body, { "Idempotency-Key": randomName() })));
  busy = false;
  tell();
}

export function startMapPanel() {
  const area = el("section.block", { "aria-label": "Area" });
  const drawArea = () => fill(area, el("h2", {}, "Area"), segments({ legend: "Area", name: "area", choices: CHOICES, value: how, onchange: choose }), hint);
  const work = el("div.list", {}, el("h2", {}, "Model"), modelCards(tell));
  const form = [work, area, el("section.block", { "aria-label": "Options" }, options), trouble, button];
  const none = el("p.soft", {}, "Open a scene first: drop it anywhere, or choose it under Scene.");
  button.addEventListener("click", start);
  watch(["scene"], ({ scene }) => {
    how = "all";
    drawArea();
    fill($("#panel-map"), ...(scene ? form : [none]));
    tell();
  });
  watch(["area"], tell);
  watch(["tab"], ({ tab, area: drawn }) => tab === "teach" && how in HINTS && !drawn && (choose("all"), drawArea())); // keys draw strokes there
  document.addEventListener("keydown", (event) => event.key === "Escape" && how in HINTS && !get("area") && (choose("all"), drawArea()));
}
