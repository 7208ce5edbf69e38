/** The part of a scene to map: drawn, or what is in view. */

import { get, set, watch } from "../core/store.js";
import { beginCorners, endCorners, startCorners } from "./corners.js";
import { pixelOf } from "./grid.js";
import { map } from "./stage.js";

const shapes = new ol.source.Vector();
const style = [
  new ol.style.Style({ stroke: new ol.style.Stroke({ color: "rgba(0, 0, 0, .55)", width: 5 }) }),
  new ol.style.Style({ stroke: new ol.style.Stroke({ color: "#ffffff", width: 2.5, lineDash: [8, 6] }), fill: new ol.style.Fill({ color: "rgba(255, 255, 255, .08)" }) }),
];
let drawing = null;
let corners = null;

const inside = (scene, [col, row]) => [Math.min(scene.width, Math.max(0, Math.round(col))), Math.min(scene.height, Math.max(0, Math.round(row)))];

/** [column, row, width, height] of an extent, within the scene; null where they do not meet. */
function boxOf(scene, [left, bottom, right, top]) {
  const [col, row] = inside(scene, pixelOf([left, top]));
  const [end, last] = inside(scene, pixelOf([right, bottom]));
  return end > col && last > row ? [col, row, end - col, last - row] : null;
}

function areaOf(kind, geometry) {
  const scene = get("scene");
  if (kind === "box") return boxOf(scene, geometry.getExtent());
  return { type: "Polygon", coordinates: [geometry.getCoordinates()[0].map((point) => inside(scene, pixelOf(point)))] };
}

export function stopDrawing() {
  if (drawing) map.removeInteraction(drawing);
  drawing = null;
  endCorners(corners);
  if (!get("area")) shapes.clear();
}

function sketch(geometry) {
  shapes.clear();
  if (geometry) shapes.addFeature(new ol.Feature(geometry));
}

function finish(kind, geometry) {
  set({ area: areaOf(kind, geometry) });
  setTimeout(stopDrawing); // not within its own event
}

/** Lets the user draw a "box" or a "polygon"; the area is set when it is finished. */
export function draw(kind) {
  stopDrawing();
  set({ area: null });
  drawing = new ol.interaction.Draw(
    kind === "box" ? { type: "Circle", geometryFunction: ol.interaction.Draw.createBox(), style } : { type: "Polygon", style },
  );
  drawing.on("drawend", ({ feature }) => finish(kind, feature.getGeometry()));
  corners = beginCorners(kind, { sketch, finish: (geometry) => finish(kind, geometry) });
  map.addInteraction(drawing);
}

export const inView = () => set({ area: boxOf(get("scene"), map.getView().calculateExtent(map.getSize())) });

/** Number of pixels of an area of a scene. */
export function pixelsOf(scene, area) {
  if (!area) return scene.width * scene.height;
  if (Array.isArray(area)) return area[2] * area[3];
  return Math.abs(geometryOf(area).getArea());
}

function geometryOf(area) {
  if (!Array.isArray(area)) return new ol.geom.Polygon(area.coordinates.map((ring) => ring.map(([col, row]) => [col, -row])));
  const [col, row, width, height] = area;
  return ol.geom.Polygon.fromExtent([col, -row - height, col + width, -row]);
}

export function startArea() {
  map.addLayer(new ol.layer.Vector({ source: shapes, style, zIndex: 5 }));
  startCorners();
  watch(["area", "tab"], ({ area, tab }) => sketch(area && tab === "map" ? geometryOf(area) : null));
}
