/** Whether the server is there: asked now and then, also while nothing else is asked; and what is said where it is not. */

import { $, el, fill } from "./dom.js";
import { ask } from "./api.js";
import { get, watch } from "./store.js";

const PAUSE = 10_000;
const LOST = 2000; // between two tries where it did not answer
const PATIENCE = 8000;
const SOON = 1000; // what fails again, though the server answers, is not to be asked for without a pause
const waiting = new Set();

/** Does something again once the server is back, if it is gone now. */
export function whenBack(call) {
  if (!get("online")) waiting.add(call);
}

async function look() {
  try {
    if (!document.hidden) await ask("health", { signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    // the banner says it
  }
  setTimeout(look, get("online") ? PAUSE : LOST);
}

function said({ online, access }) {
  if (!online) return ["The server does not answer.", "Trying again. Nothing is lost: jobs go on where they were as soon as it runs."];
  if (!access) return ["The server does not know this page.", "Open the address that it printed when it started."];
  return null;
}

export function startHeartbeat() {
  watch(["online", "access"], (state) => {
    const text = said(state);
    $("#offline").hidden = !text;
    fill($("#offline"), ...(text ? [el("b", {}, text[0]), el("span", {}, text[1])] : []));
  });
  watch(["online"], ({ online }) => {
    if (!online) return;
    for (const call of waiting) setTimeout(call, SOON);
    waiting.clear();
  });
  document.addEventListener("visibilitychange", () => document.hidden || ask("health").catch(() => {}));
  setTimeout(look, PAUSE);
}
