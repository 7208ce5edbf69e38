/** A press of a control that is drawn again before it is released: browsers click only what was there all the time. */

const keyOf = (control) => (control?.dataset.key ? control : control?.querySelector("[data-key]"))?.dataset.key;
const controlAt = (node) => node?.closest?.("button, label");

export function startPress() {
  let pressed = null;
  document.addEventListener("pointerdown", ({ target, button }) => {
    pressed = button === 0 ? controlAt(target) : null;
  }, true);
  document.addEventListener("pointerup", ({ clientX, clientY }) => {
    const [was, key] = [pressed, keyOf(pressed)];
    pressed = null;
    if (!key || was.isConnected) return;
    const now = controlAt(document.elementFromPoint(clientX, clientY));
    if (keyOf(now) === key) now.click();
  }, true);
}
