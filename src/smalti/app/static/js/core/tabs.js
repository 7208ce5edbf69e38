/** The tabs of the tools: arrow keys move between them, as screen readers expect. */

import { $ } from "./dom.js";
import { set, watch } from "./store.js";

const NAMES = ["scene", "map", "teach", "result", "jobs"];

function move(event, at) {
  const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: NAMES.length - 1 - at };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const name = NAMES[(at + steps[event.key] + NAMES.length) % NAMES.length];
  set({ tab: name });
  $(`#tab-${name}`).focus();
}

export function startTabs() {
  NAMES.forEach((name, at) => {
    $(`#tab-${name}`).addEventListener("click", () => set({ tab: name }));
    $(`#tab-${name}`).addEventListener("keydown", (event) => move(event, at));
  });
  watch(["tab"], ({ tab }) => {
    for (const name of NAMES) {
      $(`#tab-${name}`).setAttribute("aria-selected", String(name === tab));
      $(`#tab-${name}`).tabIndex = name === tab ? 0 : -1;
      $(`#panel-${name}`).hidden = name !== tab;
    }
  });
}
