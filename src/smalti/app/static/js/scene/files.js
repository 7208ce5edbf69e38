/** Files that were dropped or chosen, folders with all that lies in them. */

import { get } from "../core/store.js";

const listed = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function walk(entry, folder = "") {
  if (entry.isFile) return [Object.assign(await fileOf(entry), { folder })];
  const [reader, found] = [entry.createReader(), []];
  for (let some = await listed(reader); some.length; some = await listed(reader)) found.push(...some); // a hundred at a time
  return (await Promise.all(found.map((each) => walk(each, `${folder}${entry.name}/`)))).flat();
}

/** The folders that a file lies in, from the one that was dropped or chosen. */
const foldersOf = ({ name, folder, webkitRelativePath: path }) => (folder || (path ?? "").slice(0, -name.length)).split("/").filter(Boolean);

/** The name of the folder that files come from, as far as names of sets may hold it; "files" where they come from none. */
export function folderOf([first]) {
  const [name] = foldersOf(first);
  return (name ?? "").replace(/[^A-Za-z0-9_-]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40) || "files";
}

/** The name by which a file is sent: with its folders where files of several have the same name. */
export function namer(files) {
  const alone = new Set(files.map(({ name }) => name)).size === files.length;
  return (file) => (alone ? file.name : [...foldersOf(file).slice(1), file.name].join("_"));
}

const visible = (file) => !file.name.startsWith(".");

/** All files of a drop. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = entries.length ? (await Promise.all(entries.map((entry) => walk(entry)))).flat() : [...transfer.files];
  return files.filter(visible);
}

/** Lets the user choose files, or a folder with all its files. */
export function choose({ folder = false, accept = "" } = {}) {
  return new Promise((resolve) => {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", multiple: true, webkitdirectory: folder, accept });
    input.addEventListener("change", () => resolve([...input.files].filter(visible)));
    input.addEventListener("cancel", () => resolve([]));
    input.click();
  });
}

const SCENE = /\.(tiff?|jp2|vrt|zip|wld|[jp]gw|jpgw|pngw|aux\.xml)$/i; // images of the ground, and what lies beside them

const endingOf = ({ name }) => name.slice(name.lastIndexOf(".")).toLowerCase();
const isPhoto = (file) => (get("options").photos ?? []).includes(endingOf(file));

/** What of some files a series is ranked from: photos, and what editors noted of them. */
export const ofSeries = (files) => files.filter((file) => isPhoto(file) || endingOf(file) === ".xmp");

/** The files that may be photos of a series: several, and no scene or world file among them. */
export function photosOf(files) {
  const photos = files.filter(isPhoto);
  return photos.length > 1 && !files.some(({ name }) => SCENE.test(name)) ? photos : [];
}
