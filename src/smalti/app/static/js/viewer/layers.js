/** Tiles of the scene, of its map above it, and of the shading above both. */

import { get, watch } from "../core/store.js";
import { projectionOf, tileGridOf } from "./grid.js";
import { changed, map, showPlane } from "./stage.js";
import { mind } from "./trouble.js";

/** How the scene and its map are shown; `look` is of the scene, the rest of the map. */
export const view = { look: {}, layer: "classes", opacity: 0.7, hidden: new Set(), shade: false, on: true, free: true };

let sceneLayer = null;
let mapLayer = null;
let shadeLayer = null;

function source(scene, url, version = "") {
  const made = new ol.source.TileImage({ projection: projectionOf(scene), tileGrid: tileGridOf(scene), transition: 120, interpolate: true });
  made.setTileUrlFunction(url, version);
  mind(made);
  return made;
}

const query = (parts) => {
  const given = Object.entries(parts).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : "";
};

function sceneUrl(scene) {
  const tail = query(view.look);
  return ([z, x, y]) => `api/scenes/${scene.id}/tiles/${z}/${x}/${y}${tail}`;
}

/** Rows by which the tiles may lag behind the progress: finished strips come to the disk in blocks. */
const LAG = 1024;

/** Addresses of a job's tiles; nothing is asked where no row is finished yet.

`v` differs while a tile may still grow: browsers show an image of the same address again without asking. */
function jobUrl(scene, job, layer) {
  const hide = ["classes", "change"].includes(layer) ? [...view.hidden].sort().join(",") : "";
  const [first, last] = rowsOf(scene, job);
  return ([z, x, y]) => {
    const size = scene.tile * 2 ** (scene.levels - 1 - z); // rows of the scene that the tile covers
    const begun = y * size < last && (y + 1) * size > first;
    const grows = job.state !== "done" && (y + 1) * size + LAG > last;
    const tail = query({ hide, v: grows ? last : job.state === "done" ? "done" : "rows" });
    return begun ? `api/jobs/${job.id}/tiles/${layer}/${z}/${x}/${y}.png${tail}` : undefined;
  };
}

/** The finished rows of the scene: [first, end). */
function rowsOf(scene, job) {
  if (job.state === "done") return [0, scene.height];
  const first = job.window?.[1] ?? 0;
  return [first, Math.min(scene.height, first + (job.rows_done ?? 0))];
}

function version(job) {
  return `${job.id}-${job.state}-${job.rows_done}-${[...view.hidden].sort()}`;
}

function showScene(scene) {
  for (const layer of [sceneLayer, mapLayer, shadeLayer]) if (layer) map.removeLayer(layer);
  sceneLayer = mapLayer = shadeLayer = null;
  if (!scene) return;
  view.look = {};
  sceneLayer = new ol.layer.Tile({ source: source(scene, sceneUrl(scene)), preload: 1 });
  map.addLayer(sceneLayer);
  showPlane(scene);
}

/** Other bands or another stretch for the eye. */
export function look(choice) {
  view.look = choice;
  const url = sceneUrl(get("scene"));
  sceneLayer?.getSource().setTileUrlFunction(url, JSON.stringify(choice));
  changed();
}

function tiles(layer, job, name) {
  const scene = get("scene");
  const key = `${name}-${version(job)}`;
  if (layer) layer.getSource().setTileUrlFunction(jobUrl(scene, job, name), key);
  return layer ?? new ol.layer.Tile({ source: source(scene, jobUrl(scene, job, name), key) });
}

function drop(layer) {
  if (layer) map.removeLayer(layer);
  return null;
}

/** Shows the job's tiles as they are now; called again whenever the job or the view of it changed. */
export function refresh() {
  const [scene, job] = [get("scene"), get("job")];
  if (!scene || !job?.layers?.length) {
    mapLayer = drop(mapLayer);
    shadeLayer = drop(shadeLayer);
    return;
  }
  if (!job.layers.includes(view.layer)) view.layer = job.layers[0];
  if (mapLayer?.get("job") !== `${job.id} ${view.layer}`) mapLayer = drop(mapLayer);
  if (!mapLayer) {
    mapLayer = tiles(null, job, view.layer);
    mapLayer.set("job", `${job.id} ${view.layer}`);
    mapLayer.setZIndex(1);
    clipAtSwipe(mapLayer);
    map.addLayer(mapLayer);
  } else tiles(mapLayer, job, view.layer);
  mapLayer.setOpacity(view.opacity);
  mapLayer.setVisible(view.on && view.free);
  shade(job);
  changed();
}

function shade(job) {
  if (!view.shade || !job.layers.includes("hillshade")) {
    shadeLayer = drop(shadeLayer);
    return;
  }
  if (shadeLayer?.get("job") !== job.id) shadeLayer = drop(shadeLayer);
  if (shadeLayer) {
    tiles(shadeLayer, job, "hillshade");
    return;
  }
  shadeLayer = tiles(null, job, "hillshade");
  shadeLayer.set("job", job.id);
  shadeLayer.setZIndex(2);
  shadeLayer.on("prerender", ({ context }) => (context.globalCompositeOperation = "multiply"));
  shadeLayer.on("postrender", ({ context }) => (context.globalCompositeOperation = "source-over"));
  clipAtSwipe(shadeLayer);
  map.addLayer(shadeLayer);
}

/** Whether the job's map may be shown: not where a live map is. */
export function setMapVisible(free) {
  view.free = free;
  mapLayer?.setVisible(view.on && free);
  shadeLayer?.setVisible(free);
}

/** Where the swipe's line is: a share of the viewer's width from the left, or null without one. */
export const swipe = { at: null };

/** Shows a layer at the right of the line only; with `left` at its left only, so not without a line. */
export function clipAtSwipe(layer, left = false) {
  const clips = () => left || swipe.at !== null;
  layer.on("prerender", ({ context }) => {
    if (!clips()) return;
    const { width, height } = context.canvas;
    const line = width * (swipe.at ?? 0);
    context.save();
    context.beginPath();
    context.rect(left ? 0 : line, 0, left ? line : width, height);
    context.clip();
  });
  layer.on("postrender", ({ context }) => {
    if (clips()) context.restore();
  });
}

export function startLayers() {
  watch(["scene"], ({ scene }) => showScene(scene));
  watch(["scene", "job"], ({ job }) => {
    if (mapLayer && mapLayer.get("job")?.split(" ")[0] !== job?.id) view.hidden.clear();
    refresh();
  });
}
