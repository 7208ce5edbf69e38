/** The live map above the scene: asked for again whenever the server has predicted more of it. */

import { ask } from "../core/api.js";
import { get, watch } from "../core/store.js";
import { pixelOf, projectionOf, tileGridOf } from "../viewer/grid.js";
import { clipAtSwipe, setMapVisible } from "../viewer/layers.js";
import { changed, map } from "../viewer/stage.js";
import { onWork, work } from "./lesson.js";

const SOON = 250;
const LATER = 2500;
/** How strongly the live map is shown, and how much of it is up to date. */
export const live = { opacity: 0.55, on: true, stale: 0, left: 0, tiles: 0 };
const listeners = [];
export const onLive = (call) => listeners.push(call);

let layer = null;
let version = -1;
let timer = 0;
let asked = new AbortController();

const active = () => Boolean(get("lesson") && get("scene")) && get("tab") === "teach";

function url(key) {
  const [lesson, scene] = [get("lesson").id, get("scene").id];
  return ([z, x, y]) => `api/lessons/${lesson}/scenes/${scene}/tiles/${z}/${x}/${y}.png?v=${key}`;
}

/** Shows tiles as they are now; those before stay until these are there. */
function refresh() {
  const key = `${version}-${get("lesson").steps.at(-1)?.number ?? 0}-${get("lesson").classes.map(({ color }) => color.slice(1)).join("")}`;
  layer.getSource().setTileUrlFunction(url(key), key);
  changed();
}

function show() {
  if (layer) map.removeLayer(layer);
  layer = null;
  version = -1;
  setMapVisible(!active());
  clearTimeout(timer);
  if (!active()) return;
  const scene = get("scene");
  const source = new ol.source.TileImage({ projection: projectionOf(scene), tileGrid: tileGridOf(scene), transition: 0, interpolate: false });
  layer = new ol.layer.Tile({ source, zIndex: 3, opacity: live.opacity, visible: live.on });
  clipAtSwipe(layer);
  refresh();
  map.addLayer(layer);
  follow();
}

function windowNow(scene) {
  const [left, bottom, right, top] = map.getView().calculateExtent(map.getSize());
  const [[col, row], [end, last]] = [pixelOf([left, top]), pixelOf([right, bottom])];
  const [x, y] = [Math.max(0, Math.floor(col)), Math.max(0, Math.floor(row))];
  return { col: x, row: y, width: Math.max(1, Math.min(scene.width, Math.ceil(end)) - x), height: Math.max(1, Math.min(scene.height, Math.ceil(last)) - y) };
}

/** Asks how much is up to date, and for the tiles again where there is more. */
async function follow() {
  clearTimeout(timer);
  if (!active()) return;
  const [lesson, scene] = [get("lesson"), get("scene")];
  asked.abort();
  asked = new AbortController();
  try {
    const found = await ask(`api/lessons/${lesson.id}/scenes/${scene.id}/shown?${new URLSearchParams(windowNow(scene))}`, { signal: asked.signal });
    if (!layer || get("lesson")?.id !== lesson.id) return;
    Object.assign(live, found);
    if (found.version !== version) {
      version = found.version;
      refresh();
    }
    listeners.forEach((call) => call());
    if (found.stale || found.left) timer = setTimeout(follow, found.stale ? SOON : LATER);
  } catch (problem) {
    if (problem.name !== "AbortError") timer = setTimeout(follow, LATER);
  }
}

/** Other strength, on or off. */
export function setLive(changes) {
  Object.assign(live, changes);
  layer?.setOpacity(live.opacity);
  layer?.setVisible(live.on);
}

export function startOverlay() {
  let shown = "";
  watch(["lesson", "scene", "tab"], ({ lesson, scene }) => {
    const key = active() ? `${lesson.id} ${scene.id}` : "";
    if (key !== shown) show();
    shown = key;
  });
  onWork((kind) => {
    if (kind !== "learned" || !layer || work.wrong) return;
    refresh();
    follow();
  });
  map.on("moveend", () => active() && follow());
}
