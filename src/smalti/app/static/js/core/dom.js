/** Elements from one expression. */

/** `el("p.soft", {id: "x", onclick}, "text", child)`; null children and attributes are left out. */
export function el(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && typeof value !== "string") node[key] = value;
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const $ = (selector) => document.querySelector(selector);

/** A small square of a colour, `#rrggbb`. */
export function swatch(color) {
  const node = el("i.swatch", { "aria-hidden": "true" });
  node.style.backgroundColor = color;
  return node;
}

/** Changes what is in a node, and puts the focus back where it was, by the `data-key` of what had it; also within a text. */
function focused(node, change) {
  const had = document.activeElement;
  const key = node.contains(had) ? had.dataset.key : null;
  change();
  if (!key || node.contains(document.activeElement)) return;
  const now = node.querySelector(`[data-key="${CSS.escape(key)}"]`);
  now?.focus({ preventScroll: true });
  if (now?.matches("input[type=text]")) now.setSelectionRange(had.selectionStart, had.selectionEnd);
}

/** Puts other children into a node. */
export function fill(node, ...children) {
  focused(node, () => node.replaceChildren(...children.flat(Infinity).filter(Boolean)));
}

/** Puts other rows into a list; those that are there already are left alone, as somebody may be pressing them. */
export function fillRows(list, rows) {
  focused(list, () => {
    for (const row of [...list.children]) if (!rows.includes(row)) row.remove();
    rows.forEach((row, at) => list.children[at] !== row && list.insertBefore(row, list.children[at] ?? null));
  });
}

/** Radio buttons as one bar; `choices` are [value, text, disabled]. */
export function segments({ legend, name, choices, value, onchange }) {
  const radios = choices.map(([key, text, disabled]) =>
    el("label", {}, el("input", { type: "radio", name, value: key, checked: key === value, disabled: Boolean(disabled), "data-key": `${name}-${key}`, onchange: () => onchange(key) }), el("span", {}, text)),
  );
  return el("fieldset", {}, el("legend.visually-hidden", {}, legend), el("div.segments", {}, ...radios));
}

export const field = (text, control) => el("label.field", {}, text, control);

export const check = (text, attributes, hint = null) =>
  el("label.check", {}, el("input", { type: "checkbox", ...attributes }), el("span", {}, text, hint && el("span.soft", {}, hint)));
