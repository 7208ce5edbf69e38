/** Polygons of a lesson: corners by pointer, or by keys at the cross as those of the area to map. */

import { beginCorners, endCorners, takeBack } from "../viewer/corners.js";
import { map } from "../viewer/stage.js";

let drawing = null; // {label, interaction, corners, begun}

function stop() {
  if (!drawing) return;
  map.removeInteraction(drawing.interaction);
  endCorners(drawing.corners);
  drawing.sketch(null);
  drawing = null;
}

/** Draws polygons of a class one after the other, none without a class; `sketch` shows what keys have set so far, `done` gets each. */
export function drawPolygons(label, { style, sketch, done }) {
  if (drawing?.label === label) return;
  stop();
  if (!label) return;
  const finish = (geometry) => {
    sketch(null);
    done(geometry);
  };
  const interaction = new ol.interaction.Draw({ type: "Polygon", style, stopClick: true });
  const mine = { label, interaction, sketch, corners: beginCorners("polygon", { sketch, finish }), begun: false };
  interaction.on("drawstart", () => (mine.begun = true));
  interaction.on("drawabort", () => (mine.begun = false));
  interaction.on("drawend", ({ feature }) => {
    mine.begun = false;
    done(feature.getGeometry());
  });
  map.addInteraction(interaction);
  drawing = mine;
}

/** Takes the last corner of the polygon that is being drawn back; returns whether there was one. */
export function takeBackCorner() {
  if (takeBack()) return true;
  if (!drawing?.begun) return false;
  drawing.interaction.removeLastPoint();
  return true;
}

/** Drops the polygon that is being drawn. */
export function dropPolygon() {
  while (takeBack());
  drawing?.interaction.abortDrawing();
}
