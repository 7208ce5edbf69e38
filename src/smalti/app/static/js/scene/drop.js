/** Files can be dropped anywhere on the page. */

import { $ } from "../core/dom.js";
import { set } from "../core/store.js";
import { dropped } from "./files.js";
import { take } from "./sources.js";

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

export function startDrop() {
  let depth = 0;
  const over = (by) => {
    depth = by ? Math.max(0, depth + by) : 0;
    $("#drop").hidden = !depth;
  };
  addEventListener("dragenter", (event) => hasFiles(event) && over(1));
  addEventListener("dragleave", (event) => hasFiles(event) && over(-1));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    over(0);
    set({ tab: "scene" });
    take(await dropped(event.dataTransfer));
  });
}
