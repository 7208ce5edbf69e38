/** Which maps can be compared: those whose pixels coincide, as the server demands. */

import { get } from "../core/store.js";

const NEAR = 0.01; // of a pixel

const sceneOf = (job) => get("scenes").find(({ id }) => id === job.scene);
const systemOf = ({ crs }) => crs && (crs.epsg ?? crs.proj4 ?? crs.wkt);
const whole = (number) => Math.abs(number - Math.round(number)) < NEAR;

/** How far the first pixel of `other` is from that of `scene`: [columns, rows]; null where their pixels differ. */
function offset(scene, other) {
  const [one, two] = [scene.transform, other.transform];
  const [a, b, c, d, e, f] = one;
  const size = Math.hypot(a, d);
  if ([0, 1, 3, 4].some((at) => Math.abs(one[at] - two[at]) * Math.max(other.width, other.height) > NEAR * size)) return null;
  const [x, y, area] = [two[2] - c, two[5] - f, a * e - b * d];
  return [(e * x - b * y) / area, (a * y - d * x) / area];
}

function meet([col, row, width, height], [otherCol, otherRow, otherWidth, otherHeight]) {
  return col < otherCol + otherWidth && otherCol < col + width && row < otherRow + otherHeight && otherRow < row + height;
}

function onGround(scene, other, [job, its]) {
  if (systemOf(scene) !== systemOf(other)) return "another coordinate system";
  const moved = offset(scene, other);
  if (!moved) return "another pixel size";
  if (!moved.every(whole)) return "its pixels lie between these";
  const [col, row, width, height] = its.window;
  return meet(job.window, [col + moved[0], row + moved[1], width, height]) ? "" : "another place";
}

/** Why a finished map cannot be compared with another one; empty where it can. */
export function whyNot(job, other) {
  const scenes = [sceneOf(job), sceneOf(other)];
  if (!scenes[1]) return "its scene was removed";
  if (!other.layers.includes("classes")) return "it has no classes";
  if (!scenes[0].crs !== !scenes[1].crs) return "only one of them has a georeference";
  if (scenes[0].crs) return onGround(...scenes, [job, other]);
  return String(job.window) === String(other.window) ? "" : "another size, and no georeference";
}

/** All other finished maps, each with the reason why it cannot be compared, or an empty one. */
export function candidates(job) {
  if (!sceneOf(job)) return [];
  const maps = get("jobs").filter(({ id, kind, state }) => kind === "map" && state === "done" && id !== job.id);
  return maps.map((other) => ({ other, why: whyNot(job, other) }));
}
