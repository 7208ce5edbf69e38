/** Changes of the classes of a lesson, checked before they are sent. */

import { Problem } from "../core/api.js";
import { get } from "../core/store.js";

const FREE = ["#CC79A7", "#F0E442", "#56B4E9", "#E69F00", "#009E73", "#D55E00", "#8A60D0", "#30C0A0"];

/** All classes as they are, ready to be sent. */
export const listed = () => get("lesson").classes.map(({ name, color }) => ({ name, color: color.toUpperCase(), was: name }));

export const freeColor = () => FREE.find((color) => !listed().some((each) => each.color === color)) ?? "#7F7F7F";

const same = (one, other) => one.normalize("NFC") === other.normalize("NFC");

/** Why a class cannot be called that; null where it can. `others` are the classes beside it. */
export function nameProblem(name, others) {
  if (!name) return new Problem({ detail: "The class has no name", todo: "Give it one" });
  if (name === "ignore") return new Problem({ detail: "“ignore” stands for pixels that do not count", todo: "Choose another name" });
  if (others.some((each) => same(each.name, name))) return new Problem({ detail: `There is a class ${name} already`, todo: "Paint with that one, or choose another name" });
  return null;
}

/** The same of its colour. */
export function colorProblem(color, others) {
  const taken = others.find((each) => each.color === color);
  return taken ? new Problem({ detail: `The class ${taken.name} has this colour already`, todo: "Choose another one" }) : null;
}

/** The classes with one that is changed or, without `was`, new; throws a Problem. */
export function changed({ name, color, was }) {
  const others = listed().filter((each) => each.was !== was);
  const problem = nameProblem(name, others) ?? colorProblem(color, others);
  if (problem) throw problem;
  return was === null ? [...others, { name, color, was }] : listed().map((each) => (each.was === was ? { name, color, was } : each));
}

/** The classes without one, whose strokes become those of another. */
export const merged = (was, into) => listed().filter((each) => each.was !== was).map((each) => (each.was === into ? { ...each, merged: [was] } : each));

/** The classes with two in the place of one, which keep its part of the model; throws a Problem. */
export function split(was, [first, second]) {
  const others = listed().filter((each) => each.was !== was);
  const problem = nameProblem(first, others) ?? nameProblem(second, [...others, { name: first }]);
  if (problem) throw problem;
  return listed().flatMap((each) => (each.was === was ? [{ ...each, name: first }, { ...each, name: second, color: freeColor() }] : [each]));
}
