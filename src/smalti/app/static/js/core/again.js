/** A button that asks once more: for what cannot be brought back. */

import { el } from "./dom.js";

/** `name` is what a screen reader says of it, `act` is done at the second press. */
export function again(text, name, act, attributes = {}) {
  const button = el("button.quiet.small", { type: "button", "data-key": name, "aria-label": name, ...attributes }, text);
  const ask = () => {
    button.textContent = `${text} for good?`;
    button.setAttribute("aria-label", `${name} for good?`);
    button.addEventListener("click", act, { once: true });
  };
  button.addEventListener("click", ask, { once: true });
  return button;
}
