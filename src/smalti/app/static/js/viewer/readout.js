/** What is below the cursor, or below the cross for those who use keys: coordinates, class, confidence, height. */

import { $, el, fill } from "../core/dom.js";
import { ask } from "../core/api.js";
import { percent, whole } from "../core/format.js";
import { get, watch } from "../core/store.js";
import { groundOf, pixelOf } from "./grid.js";
import { map } from "./stage.js";

const PAUSE = 120;
let timer = 0;
let asked = new AbortController();

function coordinates(scene, pixel) {
  const place = el("span", {}, `column ${whole(Math.floor(pixel[0]))}, row ${whole(Math.floor(pixel[1]))}`);
  if (!scene.crs) return [place];
  const [x, y] = groundOf(scene, pixel);
  const digits = scene.metres_per_pixel && Math.abs(scene.transform[0]) < 0.001 ? 6 : 2;
  return [el("span", {}, `${x.toFixed(digits)}, ${y.toFixed(digits)}`), place];
}

/** A value as text: in its task's unit, or as a share. */
function value(job, name, number) {
  const task = get("models").find((model) => model.name === job.model)?.tasks.find((each) => each.name === name);
  return `${name.replaceAll("_", " ")} ${task ? `${number.toFixed(1)} ${task.unit}` : percent(number)}`;
}

function values(job, { label, values: numbers }) {
  const known = Object.entries(numbers ?? {}).filter(([, number]) => number !== null);
  return [label && el("b", {}, label), known.map(([name, number]) => el("span", {}, value(job, name, number)))];
}

async function lookUp(job, pixel, shown) {
  asked = new AbortController();
  const [col, row] = pixel.map(Math.floor);
  try {
    const found = await ask(`api/jobs/${job.id}/at?col=${col}&row=${row}`, { signal: asked.signal });
    if (found) fill($("#readout"), values(job, found), shown);
  } catch {
    // nothing is known there, or the cursor went on
  }
}

function read(point) {
  const [scene, job] = [get("scene"), get("job")];
  const pixel = point && pixelOf(point);
  const within = scene && pixel && pixel[0] >= 0 && pixel[1] >= 0 && pixel[0] < scene.width && pixel[1] < scene.height;
  $("#readout").hidden = !within;
  clearTimeout(timer);
  asked.abort(); // what is said of the pixel before
  if (!within) return;
  const shown = coordinates(scene, pixel);
  fill($("#readout"), ...shown);
  const painting = get("tab") === "teach" && get("lesson"); // what is seen there is the live map, not that of the job
  if (job?.layers?.length && !painting) timer = setTimeout(() => lookUp(job, pixel, shown), PAUSE);
}

const centre = () => $("#map").matches(":focus-visible") && map.getView().getCenter();

export function startReadout() {
  map.on("pointermove", (event) => event.dragging || read(event.coordinate));
  map.getViewport().addEventListener("pointerleave", () => read(centre() || null));
  map.on("moveend", () => centre() && read(centre()));
  $("#map").addEventListener("focus", () => centre() && read(centre()));
  watch(["scene"], () => read(null));
}
