/** The files of a finished map; those that were not asked for are made when they are downloaded. */

import { el, fill } from "../core/dom.js";
import { ask, whyNot } from "../core/api.js";
import { bytes } from "../core/format.js";
import { whenBack } from "../core/heartbeat.js";
import { place } from "../core/problem.js";
import { get } from "../core/store.js";

const WHAT = [
  [/_cog\.tif$/, "COG"],
  [/_([a-z]+)\.tif$/, (match) => `GeoTIFF of ${match[1]}`],
  [/\.tif$/, "GeoTIFF"],
  [/\.gpkg$/, "GeoPackage"],
  [/\.geojson$/, "GeoJSON"],
  [/\.fgb$/, "FlatGeobuf"],
  [/\.parquet$/, "GeoParquet"],
  [/\.html$/, "Report"],
  [/\.qml$/, "QGIS style"],
];

export function what(name) {
  for (const [pattern, text] of WHAT) {
    const match = name.match(pattern);
    if (match) return typeof text === "string" ? text : text(match);
  }
  return name;
}

const trouble = place();

/** Has the server make a file before the browser asks for it, so that it is seen to work, and why it cannot. */
async function make(anchor, about) {
  about.textContent = "being made …";
  await trouble.run(async () => {
    const problem = await whyNot(anchor.getAttribute("href"), { headers: { Range: "bytes=0-0" } });
    const made = !problem && get("online");
    about.textContent = made ? "ready" : "not made";
    if (problem) throw problem;
    if (!made) return; // said at the top of the page
    anchor.dataset.ready = "yes";
    anchor.click();
  });
}

function link(job, { name, bytes: size }) {
  const target = name.endsWith(".html") ? { target: "_blank", rel: "noopener" } : { download: name };
  const about = el("span.soft.small", { role: "status" }, size === null ? "made on demand" : bytes(size));
  const onclick = (event) => {
    if (size !== null || event.currentTarget.dataset.ready) return;
    event.preventDefault();
    make(event.currentTarget, about);
  };
  return el("li", {}, el("a.button", { href: `api/jobs/${job.id}/results/${name}`, "data-key": name, onclick, ...target }, what(name), about));
}

let listed = "";

/** Draws the list into a node once the job is done. */
export async function downloads(node, job) {
  node.hidden = job.state !== "done" || job.kind === "photos";
  if (node.hidden || listed === job.id) return;
  listed = job.id;
  fill(node, el("h2", {}, "Download"), trouble);
  const files = await trouble.run(() => ask(`api/jobs/${job.id}/results`));
  if (listed !== job.id) return;
  if (files) fill(node, el("h2", {}, "Download"), el("ul.downloads", {}, files.map((file) => link(job, file))), trouble);
  else whenBack(() => again(node, job));
}

function again(node, job) {
  if (listed !== job.id) return;
  listed = "";
  downloads(node, job);
}
