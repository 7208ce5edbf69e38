/** A press of a control that is drawn again, or moved, before it is released: browsers click only what was in its place all the time. */

const SPACED = "button, summary, input[type=checkbox], input[type=radio]"; // what Space presses
const controlAt = (node) => node?.closest?.("button, label, summary, a");
const keyOf = (control) => (control?.dataset.key ? control : control?.querySelector("[data-key]"))?.dataset.key;
const keyAt = (node) => keyOf(controlAt(node));

/** Clicks what is there now if it has the key of what was pressed, unless the browser does it, which it does at once. */
function release(key, node) {
  const control = controlAt(node);
  if (!key || keyOf(control) !== key) return;
  let clicked = false;
  const hear = ({ target }) => (clicked ||= keyAt(target) === key);
  document.addEventListener("click", hear, true);
  setTimeout(() => {
    document.removeEventListener("click", hear, true);
    if (!clicked && control.isConnected) control.click();
  });
}

export function startPress() {
  let [pressed, spaced] = [null, null];
  document.addEventListener("pointerdown", ({ target, button, pointerType }) => {
    pressed = button === 0 && pointerType === "mouse" ? keyAt(target) : null; // what a finger clicks is looked for when it is lifted
  }, true);
  document.addEventListener("pointerup", ({ clientX, clientY }) => {
    release(pressed, document.elementFromPoint(clientX, clientY));
    pressed = null;
  }, true);
  document.addEventListener("keydown", ({ key, target }) => {
    if (key === " ") spaced = target.matches(SPACED) ? keyAt(target) : null;
  }, true);
  document.addEventListener("keyup", ({ key, target }) => {
    if (key !== " ") return;
    release(spaced, target);
    spaced = null;
  }, true);
}
