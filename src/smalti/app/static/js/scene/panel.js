/** The panel of scenes: open one, see what it is, choose how it looks. */

import { $, el, fill } from "../core/dom.js";
import { megapixels, short, whole } from "../core/format.js";
import { place } from "../core/problem.js";
import { set, watch } from "../core/store.js";
import { lookBlock } from "./look.js";
import { forget, show } from "./open.js";
import { photosOf } from "./files.js";
import { rank } from "./series.js";
import { sources } from "./sources.js";

const trouble = place();

function item(scene, current) {
  const shown = scene.id === current?.id;
  const open = () => {
    show(scene);
    set({ tab: "map" });
  };
  return el("li.item", {},
    el("button.name", { type: "button", "aria-current": shown ? "true" : null, "data-key": scene.id, onclick: open },
      el("span", {}, scene.name), el("span.soft.small", {}, megapixels(scene.width * scene.height))),
    el("button.round", { type: "button", "aria-label": `Remove ${scene.name} from the list`, title: "Remove from the list", onclick: () => trouble.run(() => forget(scene)) }, "×"));
}

/** Photos that were sent together, in one place of the list. */
function series(scenes, current) {
  const all = `${scenes.length} photos`;
  const each = scenes.map((scene) => item(scene, current));
  const act = (text, work) => el("button", { type: "button", "data-key": `${text} ${scenes[0].set}`, onclick: () => trouble.run(work) }, text);
  return el("li", {}, el("details", { open: scenes.some(({ id }) => id === current?.id) }, el("summary", {}, all, el("span.soft.small", {}, ` ${scenes.at(-1).name} …`)),
    el("div", {}, el("div.row", {}, act("Find the best", () => rank({ set: scenes[0].set })), act("Remove all", () => forget(...scenes))), el("ul.list", {}, each))));
}

/** The scenes one by one, and those of a series together. */
function items(scenes, current) {
  const sets = Map.groupBy(scenes, ({ id, set: name }) => name ?? id);
  return [...sets.values()].flatMap((some) => (photosOf(some).length ? [series(some, current)] : some.map((scene) => item(scene, current))));
}

function crsOf({ crs }) {
  if (!crs) return "none: a plain picture";
  return crs.epsg ? `EPSG:${crs.epsg}` : (crs.wkt?.match(/"([^"]+)"/)?.[1] ?? "known");
}

const OVERVIEWS = { building: "in the making", failed: "cannot be made: wide views are coarse" };

function facts(scene) {
  const rows = [
    ["Size", `${whole(scene.width)} × ${whole(scene.height)} pixels`],
    ["Bands", `${scene.bands.length} (${scene.dtype})`],
    ["Georeference", crsOf(scene)],
    scene.metres_per_pixel && ["Pixel", `${short(Number(scene.metres_per_pixel[0].toPrecision(4)))} m`],
    OVERVIEWS[scene.overviews] && ["Overviews", OVERVIEWS[scene.overviews]],
  ].filter(Boolean);
  return [el("h2", {}, scene.name), el("dl.facts", {}, rows.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, text)]))];
}

export function startScenePanel() {
  const [about, list] = [el("section.block", { "aria-label": "This scene" }), el("section.block", { "aria-label": "Scenes" })];
  $("#panel-scene").append(sources(), about, lookBlock(), list);
  watch(["scene"], ({ scene }) => {
    about.hidden = !scene;
    fill(about, ...(scene ? facts(scene) : []));
  });
  watch(["scene", "scenes", "options"], ({ scene, scenes }) => {
    list.hidden = !scenes.length;
    fill(list, el("h2", {}, "Scenes"), el("ul.list", {}, items(scenes, scene)), trouble);
  });
}
