/** The files of a finished map; those that were not asked for are made when they are downloaded. */

import { el, fill } from "../core/dom.js";
import { ask } from "../core/api.js";
import { bytes } from "../core/format.js";
import { place } from "../core/problem.js";

const WHAT = [
  [/_cog\.tif$/, "COG"],
  [/_([a-z]+)\.tif$/, (match) => `GeoTIFF of ${match[1]}`],
  [/\.tif$/, "GeoTIFF"],
  [/\.gpkg$/, "GeoPackage"],
  [/\.geojson$/, "GeoJSON"],
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

function link(job, { name, bytes: size }) {
  const report = name.endsWith(".html");
  const target = report ? { target: "_blank", rel: "noopener" } : { download: name };
  const about = size === null ? "made now" : bytes(size);
  return el("li", {}, el("a.button", { href: `api/jobs/${job.id}/results/${name}`, "data-key": name, ...target }, what(name), el("span.soft.small", {}, report ? `${about} ↗` : about)));
}

const trouble = place();
let listed = "";

/** Draws the list into a node once the job is done. */
export async function downloads(node, job) {
  node.hidden = job.state !== "done" || job.kind === "photos";
  if (node.hidden || listed === job.id) return;
  listed = job.id;
  fill(node, el("h2", {}, "Download"), trouble);
  await trouble.run(async () => {
    const files = await ask(`api/jobs/${job.id}/results`);
    if (listed === job.id) fill(node, el("h2", {}, "Download"), el("ul.downloads", {}, files.map((file) => link(job, file))));
  });
}
