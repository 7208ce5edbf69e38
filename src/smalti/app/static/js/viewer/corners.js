/** Corners that are set by keys: Enter sets one at the cross; twice at one place finishes a polygon, two make a box. */

import { $ } from "../core/dom.js";
import { map } from "./stage.js";

let current = null; // {kind, sketch, finish, points}

const same = (one, other) => one && one.every((value, at) => Math.abs(value - other[at]) < map.getView().getResolution());

function outline({ kind, points }, last) {
  if (kind === "box") return ol.geom.Polygon.fromExtent(ol.extent.boundingExtent([points[0], last]));
  return points.length > 1 ? new ol.geom.Polygon([[...points, last, points[0]]]) : new ol.geom.LineString([...points, last]);
}

function enter() {
  const [{ kind, points }, point] = [current, map.getView().getCenter()];
  const again = same(points.at(-1), point);
  if (!again) points.push(point);
  const enough = kind === "box" ? points.length === 2 : again && points.length > 2;
  if (!enough) return show();
  current.points = [];
  return current.finish(outline({ kind, points: points.slice(0, -1) }, points.at(-1)));
}

function show() {
  if (current?.points.length) current.sketch(outline(current, map.getView().getCenter()));
}

function pressed(event) {
  if (!current || !["Enter", "Backspace"].includes(event.key)) return;
  event.preventDefault();
  return event.key === "Enter" ? enter() : takeBack();
}

/** Takes the last corner back; returns whether there was one. */
export function takeBack() {
  if (!current?.points.length) return false;
  current.points.pop();
  if (current.points.length) show();
  else current.sketch(null);
  return true;
}

/** Begins, and returns what ends it; `sketch` shows what is there so far, `finish` gets the geometry. */
export function beginCorners(kind, { sketch, finish }) {
  const begun = { kind, sketch, finish, points: [] };
  current = begun;
  return begun;
}

/** Ends what was begun, unless something else was begun since. */
export function endCorners(begun) {
  if (current === begun) current = null;
}

export function startCorners() {
  $("#map").addEventListener("keydown", pressed);
  map.on("moveend", show);
}
