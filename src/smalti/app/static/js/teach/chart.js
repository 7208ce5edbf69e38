/** The gain by lesson as a small drawing: how many more of the held-out strokes are right than by the model as it was. */

const SPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, LOW] = [300, 128, 34, 8, 20, 100];
const MOST = 40; // lessons that are drawn
const NICE = [5, 10, 20, 25, 50];

function svg(name, attributes, text = "") {
  const node = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node;
}

/** The gain of a lesson in points of a hundred, and its spread. */
export const gainOf = ({ by_stroke: held }) => ({ gain: 100 * (held.score - held.parent), spread: 100 * Math.min(1, held.spread), little: held.says_little });

/** The lines of the axis: a few round numbers that span 0, all gains, and the spreads of those that say something. */
function ticks(gains) {
  const sure = gains.map(({ gain, spread, little }) => [gain, little ? 0 : spread]);
  const least = Math.max(-100, Math.min(0, ...sure.map(([gain, spread]) => gain - spread)));
  const most = Math.min(100, Math.max(5, ...sure.map(([gain, spread]) => gain + spread)));
  const step = NICE.find((each) => (most - least) / each <= 4) ?? 50;
  const [first, last] = [Math.floor(least / step), Math.ceil(most / step)];
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step);
}

const signed = (value) => (value > 0 ? `+${value}` : value < 0 ? `−${-value}` : "0");

function marks(node, gains, [x, y]) {
  for (const [at, { gain, spread, little }] of gains.entries()) {
    node.append(svg("line", { x1: x(at), x2: x(at), y1: y(gain + spread), y2: y(gain - spread), class: "spread" }));
    node.append(svg("circle", { cx: x(at), cy: y(gain), r: 3, class: little ? "little" : "gain" }));
  }
}

/** A drawing of steps, the first one first; null without any. */
export function chart(steps) {
  if (!steps.length) return null;
  const shown = steps.slice(-MOST);
  const gains = shown.map(gainOf);
  const lines = ticks(gains);
  const [low, high] = [lines[0], lines.at(-1)];
  const x = (at) => (shown.length > 1 ? LEFT + 8 + ((WIDTH - LEFT - RIGHT - 16) * at) / (shown.length - 1) : (LEFT + WIDTH - RIGHT) / 2);
  const y = (value) => LOW - ((LOW - TOP) * (Math.min(high, Math.max(low, value)) - low)) / (high - low);
  const { gain, spread } = gains.at(-1);
  const label = `Gain over the model as it was, by lesson: ${signed(Math.round(gain))} points, plus or minus ${Math.round(spread)}, after lesson ${shown.at(-1).number}.`;
  const node = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": label });
  node.append(svg("text", { x: 0, y: 9 }, "points gained over the model as it was"));
  for (const value of lines) {
    node.append(svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: value ? "grid" : "zero" }));
    node.append(svg("text", { x: LEFT - 5, y: y(value) + 3.5, "text-anchor": "end" }, signed(value)));
  }
  marks(node, gains, [x, y]);
  const ends = shown.length > 1 ? [0, shown.length - 1] : [0];
  for (const at of ends) node.append(svg("text", { x: x(at), y: LOW + 13, "text-anchor": "middle" }, String(shown[at].number)));
  node.append(svg("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 3, "text-anchor": "middle" }, shown.length > 1 ? "lesson" : "the first lesson"));
  return node;
}
