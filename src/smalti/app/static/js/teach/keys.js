/** The keys of a lesson. */

import { $ } from "../core/dom.js";
import { get } from "../core/store.js";
import { toggleSwipe } from "../result/layers.js";
import { swipe } from "../viewer/layers.js";
import { drop, use, widen } from "./brush.js";
import { redo, undo } from "./lesson.js";
import { pick } from "./palette.js";
import { takeBackCorner } from "./polygon.js";

const active = () => Boolean(get("lesson")) && get("tab") === "teach";

function swiped() {
  toggleSwipe();
  const box = $("[data-key=teach-swipe]");
  if (box) box.checked = swipe.at !== null;
}

const KEYS = {
  h: () => use({ name: "hand" }),
  b: () => use({ name: "brush" }),
  p: () => use({ name: "polygon" }),
  e: () => use({ name: "eraser" }),
  s: swiped,
  escape: drop,
  "[": () => widen(-1),
  "]": () => widen(1),
};

/** Does what a key is for in a lesson; returns whether it is for anything. */
export function keys(key) {
  if (!active()) return false;
  if (/^[1-9]$/.test(key)) {
    pick(Number(key));
    return true;
  }
  const act = KEYS[key.toLowerCase()];
  act?.();
  return Boolean(act);
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    const mine = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && active() && !event.target.matches("input[type=text]");
    if (!mine) return;
    event.preventDefault();
    if (event.shiftKey) redo();
    else if (!takeBackCorner()) undo();
  });
}
