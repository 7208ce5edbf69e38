/** Tiles that do not come: said once, above the scene that they are missing from, with what to do. */

import { $, el, fill } from "../core/dom.js";
import { whyNot } from "../core/api.js";
import { shown } from "../core/problem.js";
import { get, watch } from "../core/store.js";
import { map } from "./stage.js";

let told = false;
let missing = false;

function again() {
  clear();
  for (const layer of map.getLayers().getArray()) if (layer instanceof ol.layer.Tile) layer.getSource().refresh();
}

function clear() {
  told = missing = false;
  $("#trouble").hidden = true;
  fill($("#trouble"));
}

function tell(problem) {
  const close = () => ($("#trouble").hidden = true);
  const act = (text, onclick) => el("button", { type: "button", onclick }, text);
  $("#trouble").hidden = false;
  fill($("#trouble"), el("h2", {}, "Parts of this picture cannot be shown"), shown(problem), el("div.row", {}, act("Try again", again), act("Close", close)));
}

async function failed(url) {
  missing = true;
  if (told || !get("online")) return;
  told = true;
  const scene = get("scene");
  const problem = await whyNot(url);
  if (get("scene") !== scene) return;
  if (problem) tell(problem);
  else told = false;
}

/** Listens to a source of tiles. */
export function mind(source) {
  source.on("tileloaderror", ({ tile }) => failed(source.getTileUrlFunction()(tile.tileCoord)));
}

export function startTrouble() {
  watch(["scene"], clear);
  watch(["online"], ({ online }) => online && missing && again());
}
