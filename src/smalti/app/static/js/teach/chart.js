/** The score by lesson as a small drawing: the share of held-out strokes that are right, and of the model as it was. */

const SPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, LOW] = [300, 96, 30, 82];

function svg(name, attributes, text = "") {
  const node = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node;
}

/** A drawing of steps, the first one first; null for fewer than two. */
export function chart(steps) {
  if (steps.length < 2) return null;
  const shown = steps.slice(-40);
  const x = (at) => LEFT + ((WIDTH - LEFT - 8) * at) / (shown.length - 1);
  const y = (score) => LOW - (LOW - 8) * score;
  const path = (pick) => shown.map((step, at) => `${x(at).toFixed(1)},${y(pick(step)).toFixed(1)}`).join(" ");
  const last = shown.at(-1).by_stroke;
  const label = `Score by lesson: ${Math.round(100 * last.score)} % of the strokes held out are right after ${shown.length} lessons, ${Math.round(100 * last.parent)} % by the model as it was.`;
  const node = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": label });
  for (const share of [0, 0.5, 1]) {
    node.append(svg("line", { x1: LEFT, x2: WIDTH - 8, y1: y(share), y2: y(share), class: "grid" }));
    node.append(svg("text", { x: LEFT - 4, y: y(share) + 3.5, "text-anchor": "end" }, `${100 * share}`));
  }
  for (const [at, { by_stroke: held }] of shown.entries())
    node.append(svg("line", { x1: x(at), x2: x(at), y1: y(Math.min(1, held.score + held.spread)), y2: y(Math.max(0, held.score - held.spread)), class: "spread" }));
  node.append(svg("polyline", { points: path(({ by_stroke: held }) => held.parent), class: "parent" }));
  node.append(svg("polyline", { points: path(({ by_stroke: held }) => held.score), class: "score" }));
  return node;
}
