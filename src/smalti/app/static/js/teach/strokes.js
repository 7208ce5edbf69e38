/** The strokes above the scene, in the colours of their classes. */

import { get, watch } from "../core/store.js";
import { map } from "../viewer/stage.js";
import { onWork, work } from "./lesson.js";

const shapes = new ol.source.Vector();
const layer = new ol.layer.Vector({ source: shapes, zIndex: 6, visible: false });
const styles = new Map();

export const colorOf = (label) => get("lesson")?.classes.find(({ name }) => name === label)?.color ?? "#808080";

function styleOf(feature) {
  const color = colorOf(feature.get("class"));
  if (!styles.has(color)) {
    styles.set(color, [
      new ol.style.Style({ stroke: new ol.style.Stroke({ color: "rgba(255, 255, 255, .9)", width: 3 }), fill: new ol.style.Fill({ color: `${color}99` }) }),
      new ol.style.Style({ stroke: new ol.style.Stroke({ color, width: 1.5 }) }),
    ]);
  }
  return styles.get(color);
}

const flipped = (rings) => rings.map((ring) => ring.map(([col, row]) => [col, -row]));

function featureOf(stroke) {
  const feature = new ol.Feature(new ol.geom.Polygon(flipped(stroke.shape.coordinates)));
  feature.set("class", stroke.class);
  return feature;
}

let drawn = null;

function draw() {
  layer.setVisible(Boolean(get("lesson")) && get("tab") === "teach");
  if (drawn === work.strokes && layer.get("lesson") === get("lesson")) return;
  drawn = work.strokes;
  layer.set("lesson", get("lesson"));
  shapes.clear();
  if (get("lesson")) shapes.addFeatures(work.strokes.map(featureOf));
}

export function startStrokes() {
  layer.setStyle(styleOf);
  map.addLayer(layer);
  onWork((kind) => kind === "strokes" && draw());
  watch(["lesson", "tab"], draw);
}
