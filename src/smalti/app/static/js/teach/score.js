/** The score of the lesson: how many more of the held-out strokes are right than by the model as it was. */

import { el, fill } from "../core/dom.js";
import { place } from "../core/problem.js";
import { chart, gainOf } from "./chart.js";
import { undoLesson } from "./lesson.js";

const [trouble, said] = [place(), el("p.small.soft", { role: "status" })];
let unfolded = false; // each lesson draws the score anew

async function back() {
  said.textContent = "Taking the last lesson back …";
  await trouble.run(undoLesson);
  said.textContent = "";
}

/** What a lesson gained, in one line. */
function headline(step) {
  const { gain, spread, little } = gainOf(step);
  const [points, around] = [Math.round(gain), `± ${Math.round(spread)} points`];
  if (little) return el("p.gain", {}, el("b", {}, "Too little to say"), el("span.soft.small", {}, "paint some more strokes"));
  return el("p.gain", {}, el("b", {}, `${points > 0 ? "+" : points < 0 ? "−" : ""}${Math.abs(points)}`), el("span.soft.small", {}, around));
}

/** The same in a sentence. */
function sentence({ by_stroke: { groups, score, parent } }) {
  const [now, was] = [Math.round(100 * score), Math.round(100 * parent)];
  return `Each of the ${groups} strokes was left out once: ${now}\u00a0% of those are mapped right, ${was}\u00a0% by the model as it was.`;
}

const WHY = "New strokes lie where the map is still wrong, so what counts is the gain over the model as it was, not the share that is right.";

/** Draws the score of a lesson into a node. */
export function score(node, { steps }) {
  const last = steps.at(-1);
  const learned = last && [
    headline(last), el("p.small", {}, sentence(last)),
    !last.learned && el("p.note", {}, "The strokes did not improve the model yet: it stays as it was."),
    last.notes.map((note) => el("p.note", {}, note)),
    chart(steps),
    el("details", { open: unfolded, ontoggle: ({ target }) => (unfolded = target.open) }, el("summary", { "data-key": "score-more" }, "What this says"), el("div", {}, el("p.small.soft", {}, WHY), el("p.small.soft", {}, last.by_stroke.text), el("p.small.soft", {}, last.by_place.text))),
  ];
  fill(node, el("h2", {}, "Score"), learned ?? el("p.small.soft", {}, "Nothing was learned yet: what you see is the model as it is."),
    el("div.row", {}, el("button", { type: "button", id: "undo-lesson", "data-key": "undo-lesson", disabled: !last, onclick: back }, "Undo lesson")), said, trouble);
}
