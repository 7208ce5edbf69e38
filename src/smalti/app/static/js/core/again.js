/** A button that asks once more: for what cannot be brought back. */

import { el } from "./dom.js";

let asking = null; // the button that asked last: one that is drawn in its place goes on with it

/** `name` is what a screen reader says of it, `act` is done at the second press. */
export function again(text, name, act, attributes = {}) {
  const key = attributes["data-key"] ?? name;
  const button = el("button.quiet.small", { type: "button", "data-key": name, "aria-label": name, ...attributes }, text);
  const ask = () => {
    asking = { button, key };
    button.textContent = `${text} for good?`;
    button.setAttribute("aria-label", `${name} for good?`);
    button.addEventListener("click", act, { once: true });
  };
  if (asking?.key === key && asking.button.isConnected) ask();
  else button.addEventListener("click", ask, { once: true });
  return button;
}
