/** The ways to open a scene: files, a folder, the server's folders, an address. */

import { el, field, fill } from "../core/dom.js";
import { ask } from "../core/api.js";
import { bytes, percent } from "../core/format.js";
import { place } from "../core/problem.js";
import { get, watch } from "../core/store.js";
import { choose, photosOf } from "./files.js";
import { addressed, openFiles, openThere } from "./open.js";
import { rank, rankFiles } from "./series.js";

const problem = place();
const status = el("div", { hidden: true });
const offer = el("div", { hidden: true });

function progress(share, name) {
  status.hidden = false;
  fill(status, el("p.small", { role: "status" }, `Sending ${name} · ${percent(share)}`), el("progress", { value: share, max: 1, "aria-label": "Sent" }));
}

async function send(work) {
  await problem.run(work);
  status.hidden = true;
}

/** Opens files; of several photos it first asks what they are. */
export function take(files) {
  offer.hidden = true;
  if (!files.length) return;
  if (photosOf(files).length) askWhatFor(files);
  else send(() => openFiles(files, progress));
}

function askWhatFor(files) {
  const answer = (work) => () => {
    offer.hidden = true;
    send(work);
  };
  offer.hidden = false;
  fill(
    offer,
    el("div.note", {}, el("p", {}, `${photosOf(files).length} photos. What are they?`), el("div.row", {},
      el("button.strong", { type: "button", onclick: answer(() => openFiles(files, progress)) }, "Scenes to map"),
      el("button", { type: "button", onclick: answer(() => rankFiles(files, progress)) }, "Series: find the best"),
    )),
  );
}

const pick = (options) => async () => take(await choose(options));

const buttons = () => [
  el("button.strong", { type: "button", "data-key": "files", onclick: pick() }, "Choose files"),
  el("button", { type: "button", "data-key": "folder", onclick: pick({ folder: true }) }, "Choose a folder"),
];

function browser() {
  const [list, trouble] = [el("div.list.long"), place()];
  let asked = new AbortController();
  const go = (path) => trouble.run(async () => {
    asked.abort(); // the folder that was asked for last is shown, in whatever order they come
    asked = new AbortController();
    draw(await ask(`api/browse${path ? `?path=${encodeURIComponent(path)}` : ""}`, { signal: asked.signal }));
  });
  const entry = (name, hint, onclick) => el("div.item", {}, el("button.name", { type: "button", onclick }, el("span", {}, name), hint && el("span.soft.small", {}, hint)));
  const open = (path) => trouble.run(() => openThere({ path }));
  function draw(found) {
    const images = found.entries.filter(({ folder }) => !folder);
    fill(
      list,
      found.path && el("p.small.soft", {}, found.path),
      found.path && entry("↰ up", "", () => go(found.parent)),
      images.length > 1 && entry("Open all images of this folder", "", () => open(found.path)),
      photosOf(images).length > 0 && entry("Photo series: find the best", "", () => trouble.run(() => rank({ folder: found.path }))),
      found.entries.map((each) => (each.folder ? entry(`▸ ${each.name}`, "", () => go(each.path)) : entry(each.name, bytes(each.bytes), () => open(each.path)))),
      !found.entries.length && el("p.soft.small", {}, "No images here"),
    );
  }
  return el("details", { ontoggle: ({ target }) => target.open && !list.children.length && go("") }, el("summary", {}, "On the server"), el("div", {}, list, trouble));
}

function address() {
  const [input, trouble] = [el("input", { type: "url", required: true, placeholder: "https://…/scene.tif" }), place()];
  const submit = (event) => {
    event.preventDefault();
    trouble.run(() => openThere(addressed(input.value.trim())));
  };
  const form = el("form", { onsubmit: submit }, el("div", {}, field("Address of a COG, or of a STAC item", input), trouble, el("button", {}, "Open")));
  return el("details", {}, el("summary", {}, "From an address"), form);
}

/** The block of the panel. */
export function sources() {
  const more = el("div.list");
  watch(["options"], () => fill(more, get("options").roots?.length && browser(), get("options").hosts?.length && address()));
  return el("section.block", { "aria-label": "Open" },
    el("div.target", {}, el("p", {}, "Drop images or a folder anywhere"), el("div.row.middle", {}, buttons())), offer, status, problem, more);
}

export { buttons };
