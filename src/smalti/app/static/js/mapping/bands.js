/** Which band of the scene the model takes for each of its own. */

import { el, field, fill } from "../core/dom.js";

const NUMBERED = /^band\d+$/; // a band without a name

/** Whether a model finds its bands in a scene by itself: it has them by name, or as many without names. */
export function fits(scene, model) {
  const unnamed = scene.bands.some((name) => NUMBERED.test(name));
  return model.bands.every((name) => scene.bands.includes(name)) || (unnamed && scene.bands.length === model.bands.length);
}

/**
 * The controls; `.show(scene, model)` draws them, with `must` without a choice that is left to the model; `.given()` are
 * the chosen numbers, or null as long as none is chosen.
 */
export function bandControls() {
  const node = el("fieldset");
  let [selects, shown] = [[], ""];
  const option = (value, text, selected = false) => el("option", { value, selected }, text);
  const select = (scene, own, must) => el("select", {}, !must && option("", "auto"), scene.bands.map((name, at) => option(String(at + 1), `${at + 1}: ${name}`, must && at === own)));
  node.show = (scene, model, must = false) => {
    const wanted = model?.bands ?? [];
    node.hidden = !scene || scene.bands.length < wanted.length || scene.bands.length < 2;
    const key = JSON.stringify([scene?.id, wanted, must]);
    if (node.hidden || key === shown) return; // what was chosen stays
    shown = key;
    selects = wanted.map((_, at) => select(scene, at, must));
    fill(node, el("legend", {}, "Bands for the model"), el("div.triple", {}, selects.map((each, at) => field(wanted[at], each))));
  };
  node.given = () => {
    if (node.hidden || selects.every(({ value }) => !value)) return null;
    return selects.map(({ value }, at) => Number(value || at + 1));
  };
  return node;
}
