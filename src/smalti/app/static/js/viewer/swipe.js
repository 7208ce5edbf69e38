/** A line across the viewer: the scene at its left, the map at its right. */

import { $ } from "../core/dom.js";
import { swipe } from "./layers.js";
import { map } from "./stage.js";

function place(share) {
  swipe.at = Math.min(1, Math.max(0, share));
  const line = $("#swipe");
  line.style.left = `${100 * swipe.at}%`;
  line.setAttribute("aria-valuenow", String(Math.round(100 * swipe.at)));
  map.render();
}

/** On or off. */
export function setSwipe(on) {
  $("#swipe").hidden = !on;
  if (on) place(swipe.at ?? 0.5);
  else {
    swipe.at = null;
    map.render();
  }
}

export function startSwipe() {
  const line = $("#swipe");
  line.addEventListener("pointerdown", (event) => {
    line.setPointerCapture(event.pointerId);
    line.focus();
  });
  line.addEventListener("pointermove", (event) => {
    const box = $("#viewer").getBoundingClientRect();
    if (line.hasPointerCapture(event.pointerId)) place((event.clientX - box.left) / box.width);
  });
  line.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    place(swipe.at + steps[event.key]);
  });
}
