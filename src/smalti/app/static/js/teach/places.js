/** The next place to look: windows of the scene where strokes help most, one after the other. */

import { ask } from "../core/api.js";
import { get, watch } from "../core/store.js";
import { map } from "../viewer/stage.js";
import { at as shown } from "./lesson.js";

const shapes = new ol.source.Vector();
const style = [
  new ol.style.Style({ stroke: new ol.style.Stroke({ color: "rgba(0, 0, 0, .6)", width: 4 }) }),
  new ol.style.Style({ stroke: new ol.style.Stroke({ color: "#ffffff", width: 2, lineDash: [8, 6] }) }),
];
let queue = [];
let at = 0;
let of = "";

/** Goes to the next place, and says in a line what it is; null where another scene or lesson is shown meanwhile. */
export async function next() {
  const key = shown();
  if (of !== key || at >= queue.length) {
    const found = await ask(`api/lessons/${get("lesson").id}/scenes/${get("scene").id}/suggestions`);
    if (shown() !== key) return null;
    [queue, of, at] = [found, key, 0];
  }
  if (!queue.length) return "This scene has no window of 128 pixels, as the network sees it.";
  const { window: [col, row, width, height], uncertain, unlike } = queue[at];
  at += 1;
  const extent = [col, -row - height, col + width, -row];
  shapes.clear();
  shapes.addFeature(new ol.Feature(ol.geom.Polygon.fromExtent(extent)));
  map.getView().fit(extent, { padding: [60, 60, 60, 60], minResolution: 0.5 });
  return `Place ${at} of ${queue.length}: ${Math.round(100 * uncertain)} % uncertain, ${Math.round(100 * unlike)} % unlike what is known.`;
}

export function startPlaces() {
  const layer = new ol.layer.Vector({ source: shapes, style, zIndex: 5 });
  map.addLayer(layer);
  let before = "";
  watch(["lesson", "scene"], () => {
    const now = shown(); // every stroke gives another state of the same lesson
    if (now !== before) shapes.clear();
    before = now;
  });
  watch(["tab"], ({ tab }) => layer.setVisible(tab === "teach"));
}
