/** The live map above the scene: asked for again whenever the server has predicted more of it; and the model's as it was. */

import { ask } from "../core/api.js";
import { get, watch } from "../core/store.js";
import { pixelOf, projectionOf, tileGridOf } from "../viewer/grid.js";
import { clipAtSwipe, setMapVisible } from "../viewer/layers.js";
import { changed, map } from "../viewer/stage.js";
import { last, leave, onWork, reload, reloadStrokes, work } from "./lesson.js";

const SOON = 250;
const LATER = 2500;
const IDLE = 5000; // between two looks at what other windows do
const GONE = 404;
/** How strongly the live map is shown, what is left of the swipe's line, and how much of the map is up to date. */
export const live = { opacity: 0.55, beside: "image", asked: false, stale: 0, left: 0, tiles: 0, view: 0, unknown: 0, problem: null };
const listeners = [];
export const onLive = (call) => listeners.push(call);

let layer = null;
let before = null;
let version = -1;
let timer = 0;
let asked = new AbortController();

const active = () => Boolean(get("lesson") && get("scene")) && get("tab") === "teach";

function url(key, which) {
  const [lesson, scene] = [get("lesson").id, get("scene").id];
  return ([z, x, y]) => `api/lessons/${lesson}/scenes/${scene}/tiles/${z}/${x}/${y}.png?before=${which === before}&v=${key}`;
}

/** Shows tiles as they are now; those before stay until these are there. */
function refresh() {
  const key = `${version}-${get("lesson").steps.at(-1)?.number ?? 0}-${get("lesson").classes.map(({ color }) => color.slice(1)).join("")}`;
  for (const each of [layer, before]) each?.getSource().setTileUrlFunction(url(key, each), key);
  changed();
}

/** A layer of tiles of the server's live map. */
function tiles(scene, left) {
  const source = new ol.source.TileImage({ projection: projectionOf(scene), tileGrid: tileGridOf(scene), transition: 0, interpolate: false });
  const made = new ol.layer.Tile({ source, zIndex: 3, opacity: live.opacity });
  clipAtSwipe(made, left);
  map.addLayer(made);
  return made;
}

/** Shows the model as it was at the left of the line, if that is chosen. */
function showBefore() {
  if (before) map.removeLayer(before);
  before = layer && live.beside === "before" ? tiles(get("scene"), true) : null;
}

function show() {
  if (layer) map.removeLayer(layer);
  layer = null;
  version = -1;
  Object.assign(live, { asked: false, problem: null, stale: 0, left: 0, unknown: 0 });
  setMapVisible(!active());
  showBefore();
  listeners.forEach((call) => call());
  if (active()) {
    layer = tiles(get("scene"), false);
    showBefore();
    refresh();
  }
  follow();
}

function windowNow(scene) {
  const [left, bottom, right, top] = map.getView().calculateExtent(map.getSize());
  const [[col, row], [end, last]] = [pixelOf([left, top]), pixelOf([right, bottom])];
  const [x, y] = [Math.max(0, Math.floor(col)), Math.max(0, Math.floor(row))];
  return { col: x, row: y, width: Math.max(1, Math.min(scene.width, Math.ceil(end)) - x), height: Math.max(1, Math.min(scene.height, Math.ceil(last)) - y) };
}

/** When to ask again. */
const later = ({ stale, left, problem }) => (problem ? LATER : stale ? SOON : left ? LATER : IDLE);

/** Asks how much is up to date, and for the tiles again where there is more. */
async function follow() {
  clearTimeout(timer);
  asked.abort();
  if (!active() || work.removing) return;
  const [lesson, scene, changes] = [get("lesson"), get("scene"), work.changes];
  asked = new AbortController();
  try {
    const found = await ask(`api/lessons/${lesson.id}/scenes/${scene.id}/shown?${new URLSearchParams(windowNow(scene))}`, { signal: asked.signal });
    if (!layer || get("lesson")?.id !== lesson.id) return;
    Object.assign(live, found, { asked: true });
    if (found.version !== version) {
      version = found.version;
      refresh();
    }
    const elsewhere = changes === work.changes && !work.waiting && !work.learning;
    if (elsewhere && found.revision !== work.revision) await reloadStrokes();
    else if (elsewhere && found.lesson !== last()) await reload();
    timer = setTimeout(follow, later(found));
  } catch (problem) {
    if (problem.name === "AbortError" || work.removing || get("lesson")?.id !== lesson.id) return;
    if (problem.status === GONE) leave(`${lesson.name} is not there any more: it was removed in another window.`);
    live.problem = problem.status ? problem.message : null; // that the server is away is said elsewhere
    timer = setTimeout(follow, LATER);
  }
  listeners.forEach((call) => call());
}

/** Other strength, or something else at the left of the line. */
export function setLive(changes) {
  Object.assign(live, changes);
  if ("beside" in changes) {
    showBefore();
    if (layer) refresh();
  }
  for (const each of [layer, before]) each?.setOpacity(live.opacity);
}

export function startOverlay() {
  let shown = "";
  watch(["lesson", "scene", "tab"], ({ lesson, scene }) => {
    const key = active() ? `${lesson.id} ${scene.id}` : "";
    if (key !== shown) show();
    shown = key;
  });
  onWork((kind) => {
    if (kind === "removing") follow();
    if (kind !== "learned" || !layer || work.wrong) return;
    live.stale ||= live.view; // until it is known
    refresh();
    follow();
  });
  map.on("moveend", () => active() && follow());
}
