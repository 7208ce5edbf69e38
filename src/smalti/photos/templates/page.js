"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const photos = [...document.querySelectorAll(".photo")];
  const strips = [...document.querySelectorAll(".strip")];
  if (!photos.length) return;
  const view = document.querySelector("dialog");
  const full = view.querySelector("img");
  const counts = document.querySelector(".counts");
  const key = "smalti photos " + location.pathname;
  const undone = []; // lists of [photo, verdict before]
  let current = photos[0];
  let kept = true;

  const verdict = (photo) => photo.dataset.verdict;
  const overruled = (photo) => verdict(photo) !== photo.dataset.model;

  function show(photo, to) {
    photo.dataset.verdict = to;
    photo.querySelector(".verdict").textContent = to;
    photo.querySelector(".yours").hidden = !overruled(photo);
  }

  function count() {
    const of = (wanted) => photos.filter((photo) => verdict(photo) === wanted).length;
    const changed = photos.filter(overruled).length;
    counts.textContent = [of("pick") + " picks", of("alternate") + " alternates", of("reject") + " rejects"]
      .concat(changed ? changed + " yours" : [], kept ? [] : "not kept: take the CSV before you leave").join(" · ");
  }

  function keep() {
    try {
      const changed = photos.filter(overruled).map((photo) => [photo.dataset.id, verdict(photo)]);
      localStorage.setItem(key, JSON.stringify(changed));
    } catch {
      kept = false;
    }
  }

  function recall() {
    let changed = [];
    try {
      changed = JSON.parse(localStorage.getItem(key)) || [];
    } catch {
      kept = false;
    }
    const known = new Map(changed);
    for (const photo of photos) {
      const to = known.get(photo.dataset.id);
      if (["pick", "alternate", "reject"].includes(to)) show(photo, to);
    }
  }

  function change(changes) {
    const needed = changes.filter(([photo, to]) => verdict(photo) !== to);
    if (!needed.length) return [];
    const before = needed.map(([photo]) => [photo, verdict(photo)]);
    for (const [photo, to] of needed) show(photo, to);
    keep();
    count();
    fill();
    return before;
  }

  function judge(to) {
    const others = to === "pick" ? [...current.parentElement.children].filter((photo) => photo !== current) : [];
    const before = change([
      ...others.filter((photo) => verdict(photo) === "pick").map((photo) => [photo, "alternate"]),
      [current, to],
    ]);
    if (before.length) undone.push(before);
  }

  function undo() {
    const last = undone.pop();
    if (!last) return;
    change(last);
    select(last[last.length - 1][0]);
  }

  function select(photo) {
    current.classList.remove("current");
    current.tabIndex = -1;
    current = photo;
    current.classList.add("current");
    current.tabIndex = 0;
    if (!view.open) current.focus({ preventScroll: true });
    current.scrollIntoView({ block: "nearest" });
    fill();
  }

  function step(by) {
    const next = photos[photos.indexOf(current) + by];
    if (next) select(next);
  }

  function jump(by) {
    const next = strips[strips.indexOf(current.parentElement) + by];
    if (next) select(next.firstElementChild);
  }

  function fill() {
    if (!view.open) return;
    const frame = current.querySelector(".frame");
    const note = view.querySelector(".note");
    note.textContent = [...current.querySelectorAll("figcaption p + .small, figcaption .small + .small")]
      .map((line) => line.textContent.trim()).join(" · ");
    view.dataset.verdict = verdict(current);
    view.querySelector(".verdict").textContent = verdict(current);
    view.querySelector(".name").textContent = current.querySelector(".name").textContent;
    if (full.getAttribute("data-of") === current.dataset.row) return;
    full.setAttribute("data-of", current.dataset.row);
    full.onerror = () => {
      full.onerror = null;
      note.textContent = "your browser cannot show this file: this is its thumbnail";
      const small = current.querySelector("img");
      if (small) full.src = small.src;
    };
    full.src = frame.href;
  }

  function toggle() {
    if (view.open) return view.close();
    view.showModal();
    fill();
  }

  function save(name, type, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function csv() {
    const at = data.columns.indexOf("verdict");
    const cell = (text) => (/[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);
    const rows = data.rows.map((row) => [...row]);
    for (const photo of photos) rows[photo.dataset.row][at] = verdict(photo);
    const text = [data.columns, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
    save(data.name + ".csv", "text/csv", text);
  }

  function list() {
    const picks = photos.filter((photo) => verdict(photo) === "pick");
    save(data.name + "-picks.txt", "text/plain", picks.flatMap((photo) => data.files[photo.dataset.row]).join("\n") + "\n");
  }

  const acts = {
    pick: () => judge("pick"), alternate: () => judge("alternate"), reject: () => judge("reject"),
    undo, view: toggle, csv, list,
  };
  const keys = {
    ArrowRight: () => step(1), ArrowLeft: () => step(-1), ArrowDown: () => jump(1), ArrowUp: () => jump(-1),
    Enter: acts.pick, p: acts.pick, a: acts.alternate, x: acts.reject, u: undo, " ": toggle,
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key.length > 1 ? event.key : event.key.toLowerCase()];
    if (!act || (event.target.closest("button") && [" ", "Enter"].includes(event.key))) return;
    event.preventDefault();
    act();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (button) return acts[button.dataset.act]();
    const photo = event.target.closest(".photo");
    if (!photo || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    select(photo);
  });
  document.addEventListener("dblclick", (event) => event.target.closest(".photo") && toggle());
  view.addEventListener("click", () => view.close());
  view.addEventListener("close", () => current.focus({ preventScroll: true }));

  recall();
  count();
  current.classList.add("current");
  current.tabIndex = 0;
})();
