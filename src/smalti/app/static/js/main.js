/** The page: starts each part, and shows what the address asks for. */

import { $, el, fill } from "./core/dom.js";
import { rememberInAddress, wanted } from "./core/address.js";
import { ask } from "./core/api.js";
import { startHeartbeat, whenBack } from "./core/heartbeat.js";
import { startHelp } from "./core/help.js";
import { place } from "./core/problem.js";
import { get, set, watch } from "./core/store.js";
import { startPress } from "./core/press.js";
import { startTabs } from "./core/tabs.js";
import { show as showJob } from "./jobs/act.js";
import { reloadJobs, startFollowing } from "./jobs/follow.js";
import { startJobPanel } from "./jobs/panel.js";
import { startMapPanel } from "./mapping/panel.js";
import { toggleMap, toggleSwipe } from "./result/layers.js";
import { startResultPanel } from "./result/panel.js";
import { startBrush } from "./teach/brush.js";
import { keys as teachKeys, startKeys } from "./teach/keys.js";
import { open as openLesson } from "./teach/lesson.js";
import { startOverlay } from "./teach/overlay.js";
import { startTeachPanel } from "./teach/panel.js";
import { startPlaces } from "./teach/places.js";
import { startStrokes } from "./teach/strokes.js";
import { startWaiting } from "./teach/waiting.js";
import { startDrop } from "./scene/drop.js";
import { openThere, reloadScenes, show } from "./scene/open.js";
import { startScenePanel } from "./scene/panel.js";
import { startSeries } from "./scene/series.js";
import { startWelcome } from "./scene/welcome.js";
import { startArea } from "./viewer/area.js";
import { startLayers } from "./viewer/layers.js";
import { startReadout } from "./viewer/readout.js";
import { startStage, whole } from "./viewer/stage.js";
import { startSwipe } from "./viewer/swipe.js";
import { startTrouble } from "./viewer/trouble.js";

function startBar() {
  watch(["scene"], ({ scene }) => {
    fill($("#title"), scene && el("b", {}, scene.name));
    document.title = scene ? `${scene.name} · Smalti` : "Smalti";
  });
}

/** The scene and the job of the address, or a path or URL that someone else put there. */
async function restore({ scene, job, path, url, lesson }) {
  if (path || url) return openThere(path ? { path } : { url });
  const known = get("jobs").find(({ id }) => id === job);
  const found = get("scenes").find(({ id }) => id === scene);
  if (known) showJob(known);
  else if (found) {
    show(found);
    set({ tab: "map" });
  }
  if (lesson && found && get("scene")?.id === found.id) await reopen(lesson);
}

/** The lesson of the address, if it is still there. */
async function reopen(id) {
  const lesson = (await ask("api/lessons")).find((each) => each.id === id);
  if (!lesson) return;
  set({ tab: "teach" });
  await openLesson(lesson);
}

async function load(asked) {
  const [models, options] = await Promise.all([ask("api/models"), ask("api/options"), reloadScenes(), reloadJobs()]);
  set({ models, options });
  await restore(asked);
  return true;
}

const trouble = place();

/** Loads all that is shown at first, again when the server is back if it was gone. */
async function begin(asked) {
  const loaded = await trouble.run(() => load(asked));
  if (!loaded) whenBack(() => begin(asked));
}

async function main() {
  const asked = wanted();
  startPress();
  startTabs();
  startBar();
  startHeartbeat();
  startStage();
  startLayers();
  startTrouble();
  startArea();
  startReadout();
  startSwipe();
  startScenePanel();
  startMapPanel();
  startResultPanel();
  startJobPanel();
  startStrokes();
  startBrush();
  startPlaces();
  startOverlay();
  startWaiting();
  startTeachPanel();
  startSeries();
  startWelcome();
  startDrop();
  startHelp({ s: toggleSwipe, m: toggleMap, 0: whole }, teachKeys);
  startKeys();
  $("#panel-scene").prepend(trouble);
  await begin(asked);
  rememberInAddress();
  startFollowing();
  document.documentElement.dataset.ready = "yes";
}

main();
