/** The viewer: one OpenLayers map whose plane are the pixels of the scene. */

import { $, el } from "../core/dom.js";
import { get } from "../core/store.js";
import { extentOf, projectionOf } from "./grid.js";

const PADDING = [24, 24, 24, 24];

export const map = new ol.Map({
  target: null,
  controls: [new ol.control.Zoom({ zoomInTipLabel: "Zoom in", zoomOutTipLabel: "Zoom out" })],
  layers: [],
});
const scale = new ol.control.ScaleLine({ minWidth: 70 });

function wholeButton() {
  const button = el("button.fit", { type: "button", title: "The whole scene", "aria-label": "The whole scene", onclick: whole }, "⤢");
  return new ol.control.Control({ element: button });
}

export function startStage() {
  map.setTarget("map");
  map.addControl(wholeButton());
  map.on("loadstart", changed);
  map.on("rendercomplete", () => $("#map").setAttribute("data-state", get("scene") ? "ready" : "empty"));
}

/** Says that what is shown is not what should be; until all tiles are there. */
export function changed() {
  if (get("scene")) $("#map").setAttribute("data-state", "loading");
  map.render();
}

/** Shows a scene's plane from edge to edge; pixels can be enlarged eightfold. */
export function showPlane(scene) {
  const view = new ol.View({
    projection: projectionOf(scene),
    extent: extentOf(scene),
    constrainOnlyCenter: true,
    showFullExtent: true,
    smoothExtentConstraint: false,
    maxResolution: Math.max(2, (3 * Math.max(scene.width, scene.height)) / 256),
    minResolution: 1 / 8,
    center: [scene.width / 2, -scene.height / 2],
    resolution: 1,
  });
  map.setView(view);
  map.removeControl(scale);
  if (scene.metres_per_pixel) map.addControl(scale);
  whole();
}

/** The whole scene. */
export function whole() {
  const extent = map.getView().getProjection()?.getExtent();
  if (extent && map.getSize()) map.getView().fit(extent, { padding: PADDING });
}
