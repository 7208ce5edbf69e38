/** Brush and eraser, and which tool is in use: pointers of all kinds paint; two fingers, the wheel and the hand move the scene. */

import { $ } from "../core/dom.js";
import { get, watch } from "../core/store.js";
import { pixelOf } from "../viewer/grid.js";
import { map } from "../viewer/stage.js";
import { erase, paint, refuse, work } from "./lesson.js";
import { drawPolygons, dropPolygon } from "./polygon.js";
import { colorOf } from "./strokes.js";

/** The tool in use: "hand", "brush", "polygon" or "eraser"; the class; and the brush's width in pixels of the scene. */
export const tool = { name: "brush", label: null, size: 12 };
const listeners = [];
export const onTool = (call) => listeners.push(call);

const CELLS = 2.5; // width of the brush at first, in cells that are learned from

const cursor = new ol.Feature();
const trace = new ol.Feature();
const outline = new ol.Feature();
const layer = new ol.layer.Vector({ source: new ol.source.Vector({ features: [trace, outline, cursor] }), zIndex: 7, visible: false });
let line = null;
let held = { ...tool }; // the tool as it was when the stroke began

const colorNow = () => (tool.name === "eraser" ? "#ffffff" : colorOf(tool.label));
const active = () => Boolean(get("lesson")) && get("tab") === "teach";
const brushing = () => active() && (tool.name === "eraser" || (tool.name === "brush" && tool.label));
const rounded = (point) => pixelOf(point).map((value) => Math.round(value * 4) / 4);

function ring(color) {
  return [
    new ol.style.Style({ stroke: new ol.style.Stroke({ color: "rgba(0, 0, 0, .7)", width: 3.5 }) }),
    new ol.style.Style({ stroke: new ol.style.Stroke({ color, width: 2 }) }),
  ];
}

function band(color) {
  const width = Math.max(2, tool.size / map.getView().getResolution());
  return new ol.style.Style({ stroke: new ol.style.Stroke({ color: `${color}b0`, width, lineCap: "round", lineJoin: "round" }) });
}

function follow(point) {
  cursor.setGeometry(brushing() ? new ol.geom.Circle(point, tool.size / 2) : undefined);
  cursor.setStyle(ring(colorNow()));
}

function down({ coordinate, activePointers, originalEvent }) {
  if (!brushing() || activePointers.length > 1 || originalEvent.button > 0) return false;
  line = [coordinate];
  held = { ...tool };
  drag({ coordinate, activePointers });
  return true;
}

function drag({ coordinate, activePointers }) {
  if (!line) return;
  if (activePointers.length > 1) {
    stop(); // a second finger: the scene is moved
    return;
  }
  line.push(coordinate);
  trace.setGeometry(new ol.geom.LineString(line));
  trace.setStyle(band(colorNow()));
  follow(coordinate);
}

function stop() {
  line = null;
  trace.setGeometry(undefined);
}

function up({ coordinate }) {
  if (!line) return false;
  const points = [...line.slice(0, -1), coordinate].map(rounded);
  line = null;
  send(points, held);
  return false;
}

/** Whether something lies on the scene, at most so many pixels beside it; if not, this is said. */
function lies(points, beside) {
  const { width, height } = get("scene");
  const meets = (at, side) => points.some((point) => point[at] > -beside) && points.some((point) => point[at] < side + beside);
  if (meets(0, width) && meets(1, height)) return true;
  refuse("The stroke lies outside of the scene", "Paint on the image");
  return false;
}

/** What was painted stays in view until it is among the strokes. */
function send(points, { name, label, size }) {
  if (!lies(points, size / 2)) return trace.setGeometry(undefined);
  const sent = name === "eraser" ? erase(points, size) : paint(label, { line: points, size });
  return sent.then(() => line || trace.setGeometry(undefined));
}

function sendPolygon(label, geometry) {
  const coordinates = geometry.getCoordinates().map((each) => each.map(rounded));
  if (geometry.getArea() < 1) return refuse("The polygon has no area", "Set at least three corners");
  return lies(coordinates[0], 0) && paint(label, { polygon: { type: "Polygon", coordinates } });
}

function polygon() {
  const label = active() && tool.name === "polygon" ? tool.label : null;
  const style = ring(colorOf(label));
  const sketch = (geometry) => {
    outline.setStyle(style);
    outline.setGeometry(geometry ?? undefined);
  };
  drawPolygons(label, { style, sketch, done: (geometry) => sendPolygon(label, geometry) });
}

/** Drops what is being painted and was not sent yet: the corners of a polygon, or a stroke. */
export function drop() {
  dropPolygon();
  if (line) stop();
}

/** Chooses a tool, a class or a size. */
export function use(changes) {
  const before = tool.name;
  Object.assign(tool, changes);
  tool.size = Math.min(4096, Math.max(1, tool.size));
  if (tool.name !== before) stop(); // else what is being painted goes on
  cursor.setGeometry(undefined);
  polygon();
  $("#map").dataset.tool = active() ? tool.name : "";
  listeners.forEach((call) => call());
}

/** Sizes that look alike at any: a quarter more or less. */
export const widen = (by) => use({ size: Math.max(1, Math.round(tool.size * 1.25 ** by * 2) / 2) });

function keys(event) {
  if (event.target.id !== "map" || !brushing() || (event.key !== "Enter" && event.key !== " ")) return;
  event.preventDefault();
  send([rounded(map.getView().getCenter())], tool); // below the cross
}

export function startBrush() {
  map.addLayer(layer);
  map.addInteraction(new ol.interaction.Pointer({ handleDownEvent: down, handleDragEvent: drag, handleUpEvent: up, handleMoveEvent: ({ coordinate }) => active() && follow(coordinate) }));
  map.getViewport().addEventListener("pointerleave", () => line || cursor.setGeometry(undefined));
  $("#map").addEventListener("keydown", keys);
  let before = "";
  watch(["scene"], drop); // what was begun on another one
  watch(["lesson", "tab"], ({ lesson }) => {
    layer.setVisible(active());
    const labels = lesson?.classes.map(({ name }) => name) ?? [];
    const now = `${lesson?.id} ${active()}`;
    if (now === before && labels.includes(tool.label)) return; // what is being painted goes on
    if (now !== before) stop();
    if (now !== before && lesson) tool.size = Math.round(CELLS * work.cell);
    before = now;
    use({ label: labels.includes(tool.label) ? tool.label : (labels[0] ?? null) });
  });
}
