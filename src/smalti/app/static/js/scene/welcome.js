/** What the viewer shows before a scene is open. */

import { $, el } from "../core/dom.js";
import { watch } from "../core/store.js";
import { buttons } from "./sources.js";

const PATTERN = "ggvvrllwwwgvvgrblwwwggvlrllllwrrrrrrrrrrlbbllrlvvgbbvllrbbvv"; // roofs between two roads, and a lake

function mosaic() {
  return el("div.mosaic", { "aria-hidden": "true" }, [...PATTERN].map((kind) => el(`i.${kind}`)));
}

export function startWelcome() {
  $("#welcome").append(
    el("div", {}, mosaic(), el("h2", {}, "Drop a satellite image, a photo or a folder"),
      el("p.soft", {}, "GeoTIFF, JPEG, PNG, JPEG 2000, of any size. It stays on the machine that runs Smalti."), el("div.row", {}, buttons())),
  );
  watch(["scene", "job"], ({ scene, job }) => ($("#welcome").hidden = Boolean(scene) || job?.kind === "photos"));
}
