/** Models of one's own: saved in lessons, downloaded, deleted. */

import { again } from "../core/again.js";
import { el } from "../core/dom.js";
import { ask } from "../core/api.js";
import { get, set } from "../core/store.js";

const path = (name) => `api/models/${encodeURIComponent(name)}`;

async function remove(name) {
  try {
    await ask(path(name), { method: "DELETE" });
  } finally {
    set({ models: await ask("api/models") });
  }
}

/** The models that were saved here, by name; null without any. `trouble` shows what cannot be deleted, and why. */
export function ownModels(names, trouble) {
  const own = get("models").filter((model) => model.own && names.includes(model.name));
  if (!own.length) return null;
  const row = ({ name }) => el("li", {}, el("a.button", { href: `${path(name)}/file`, download: `${name}.onnx`, "data-key": name }, `${name}.onnx`), again("Delete", `Delete the model ${name}`, () => trouble.run(() => remove(name))));
  return el("ul.downloads", {}, own.map(row));
}
