/** The options of a map. */

import { check, el, field } from "../core/dom.js";
import { bandControls } from "./bands.js";

/** The controls; `.given()` is what the job is asked for, `.show(scene, model)` fits them. */
export function optionControls() {
  const box = (text, checked, hint) => check(text, { checked }, hint);
  const confidence = box("Confidence", true, "The probability of the class, per pixel.");
  const uncertainty = box("Uncertainty", false, "How probable it is that the class is wrong, calibrated.");
  const tta = box("Flips and turns", false, "Averages two to eight passes of each tile: a little better, up to eight times the work.");
  const text = (placeholder) => el("input", { type: "text", placeholder, autocomplete: "off" });
  const number = el("input", { type: "number", min: "0", step: "any", value: "0" });
  const [bands, stretch, resolution] = [bandControls(), text("none; or 2%,98%"), text("auto")];
  const node = el("details", { id: "map-options" }, el("summary", {}, "Options"),
    el("div", {}, confidence, uncertainty, tta,
      bands, field("Stretch for the model", stretch),
      field("Pixel size the model sees, m", resolution), field("Smallest polygon, m²", number)));
  const on = (label) => label.querySelector("input").checked;
  node.given = () => ({
    confidence: on(confidence),
    uncertainty: on(uncertainty),
    tta: on(tta),
    ...(Number(number.value) > 0 ? { polygons: ".gpkg", min_area: Number(number.value) } : {}),
    ...(bands.given() ? { bands: bands.given() } : {}),
    ...(stretch.value.trim() ? { stretch: stretch.value.trim() } : {}),
    ...(resolution.value.trim() ? { resolution: Number(resolution.value) || resolution.value.trim() } : {}),
  });
  node.show = bands.show;
  return node;
}
