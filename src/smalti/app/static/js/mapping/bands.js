/** Which band of the scene the model takes for each of its own. */

import { el, field, fill } from "../core/dom.js";

/** The controls; `.show(scene, model)` draws them, `.given()` are the chosen numbers, or null as long as none is chosen. */
export function bandControls() {
  const node = el("fieldset");
  let [selects, shown] = [[], ""];
  const option = (value, text) => el("option", { value }, text);
  const select = (scene) => el("select", {}, option("", "auto"), scene.bands.map((name, at) => option(String(at + 1), `${at + 1}: ${name}`)));
  node.show = (scene, model) => {
    const wanted = model?.bands ?? [];
    node.hidden = !scene || scene.bands.length < wanted.length || scene.bands.length < 2;
    const key = JSON.stringify([scene?.id, wanted]);
    if (node.hidden || key === shown) return; // what was chosen stays
    shown = key;
    selects = wanted.map(() => select(scene));
    fill(node, el("legend", {}, "Bands for the model"), el("div.triple", {}, selects.map((each, at) => field(wanted[at], each))));
  };
  node.given = () => {
    if (node.hidden || selects.every(({ value }) => !value)) return null;
    return selects.map(({ value }, at) => Number(value || at + 1));
  };
  return node;
}
