/** Files that were dropped or chosen, folders with all that lies in them. */

const listed = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function walk(entry) {
  if (entry.isFile) return [await fileOf(entry)];
  const [reader, found] = [entry.createReader(), []];
  for (let some = await listed(reader); some.length; some = await listed(reader)) found.push(...some); // a hundred at a time
  return (await Promise.all(found.map(walk))).flat();
}

const visible = (file) => !file.name.startsWith(".");

/** All files of a drop. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = entries.length ? (await Promise.all(entries.map(walk))).flat() : [...transfer.files];
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

const PHOTO = /\.(jpe?g|heic|heif|png|webp|dng|cr[23]|nef|arw)$/i;
const SCENE = /\.(tiff?|jp2|vrt|zip|wld|[jp]gw|jpgw|pngw|aux\.xml)$/i; // images of the ground, and what lies beside them

/** The files that may be photos of a series: several, and no scene or world file among them. */
export function photosOf(files) {
  const photos = files.filter(({ name }) => PHOTO.test(name));
  return photos.length > 1 && !files.some(({ name }) => SCENE.test(name)) ? photos : [];
}
