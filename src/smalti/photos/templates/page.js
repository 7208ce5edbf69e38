"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const find = (selector, inside = document) => inside.querySelector(selector);
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const cards = all(".photo");
  if (!cards.length) return;

  const VERDICTS = ["pick", "alternate", "reject"];
  const MOST_PANES = 4;
  const NEAREST = 8; // pixels of the screen for one of the photo
  const main = find("main"), view = find("dialog.view"), index = find("dialog.index"), help = find("dialog.help");
  const panesBox = find(".panes", view), counts = find(".counts");
  const filter = find(".filter"), sort = find(".sort");

  const photos = data.photos.map((photo, row) => ({ ...photo, row, card: null, choice: null }));
  for (const card of cards) photos[card.dataset.row].card = card;
  const photoOf = (card) => photos[card.dataset.row];
  const inTime = (one, other) => one.when - other.when;
  const byScore = (one, other) => other.score - one.score || one.when - other.when;
  const name = (file) => file.slice(file.lastIndexOf("/") + 1);

  // A group is a series: { photos, given, title, about, section, strip }. `given`: as the program made it.
  const given = all(".strip").map((strip) => {
    const section = strip.closest("section"), heading = section.classList.contains("series") && find("h2", section);
    return { photos: all(".photo", strip).map(photoOf), given: true, strip, section: heading ? section : null };
  });
  let groups = given;
  for (const group of given) for (const photo of group.photos) photo.group = group;
  let current = cards[0];
  let kept = true; // whether the browser stores the choices
  let visible = [];
  const marked = new Set();
  const undone = []; // { choices: Map of photo -> choice before, groups before, current }

  /* Verdicts: the same rules as photos/rank.py and photos/choices.py */

  function proposed(group) {
    if (group.given) return group.photos.map((photo) => ({ verdict: photo.verdict }));
    if (group.photos.length === 1) return [{ verdict: "unrated" }];
    const chances = group.photos.map((photo) => 1 / (1 + Math.exp(group.photos[0].score - photo.score)));
    const copy = (k) => group.photos.findIndex((photo) => photo.content === group.photos[k].content) < k;
    const close = (k) => chances[k] >= data.limits.close && !copy(k);
    return group.photos.map((_, k) => ({
      verdict: k === 0 ? "pick" : chances[k] >= data.limits.alternate ? "alternate" : "reject",
      chance: chances[k],
      close: k === 0 ? chances.some((_, other) => other > 0 && close(other)) : close(k),
    }));
  }

  function verdicts(group) {
    const model = proposed(group).map((one) => one.verdict);
    const chosen = group.photos.map((photo) => photo.choice && photo.choice.verdict);
    if (!chosen.some(Boolean)) return model;
    const inherits = model.includes("pick") && !chosen.includes("pick");
    const heir = inherits ? chosen.findIndex((verdict) => !verdict) : -1;
    return model.map((verdict, k) => chosen[k] || (k === heir ? "pick" : verdict === "pick" ? "alternate" : verdict));
  }

  const verdict = (card) => card.dataset.verdict;
  const groupOf = (photo) => photo.group;
  const byHand = (group) => group.photos.some((photo) => photo.choice && photo.choice.series !== null);
  const mine = (group) => group.photos.some((photo) => photo.choice && (photo.choice.verdict || photo.choice.series !== null));
  const closest = (group) => Math.max(0, ...(group.given
    ? group.photos.map((photo) => Number(data.rows[photo.row][data.columns.indexOf("probability")]))
    : proposed(group).map((one) => one.chance || 0)).slice(1));

  function show(group) {
    const shown = verdicts(group), model = proposed(group);
    group.photos.forEach((photo, k) => {
      const { card, choice } = photo;
      card.dataset.verdict = shown[k];
      find(".verdict", card).textContent = shown[k];
      find(".yours", card).hidden = !(choice && choice.verdict);
      card.setAttribute("aria-label", `${find(".name", card).textContent}, ${shown[k]}`);
      if (!group.given) showRevised(card, model[k], k);
      else if (card.dataset.given) restore(card);
    });
  }

  function showRevised(card, model, k) {
    if (!card.dataset.given) card.dataset.given = find(".chance", card).textContent + "|" + find("mark", card).hidden;
    const compared = model.chance !== undefined, better = compared && k > 0;
    find(".chance", card).textContent = better ? `${(100 * model.chance).toFixed(0)} %` : "";
    find(".beats", card).hidden = !better;
    find("mark", card).hidden = !model.close;
    find(".why", card).hidden = !better && !model.close;
    const reasons = find(".reasons", card);
    if (reasons) reasons.hidden = true; // they are relative to another pick
  }

  function restore(card) {
    const [chance, hidden] = card.dataset.given.split("|");
    delete card.dataset.given;
    find(".chance", card).textContent = chance;
    find(".beats", card).hidden = !chance;
    find("mark", card).hidden = hidden === "true";
    find(".why", card).hidden = !chance && hidden === "true";
    const reasons = find(".reasons", card);
    if (reasons) reasons.hidden = false;
  }

  function count() {
    const of = (wanted) => cards.filter((card) => verdict(card) === wanted).length;
    const chosen = photos.filter((photo) => photo.choice && photo.choice.verdict).length;
    const made = groups.filter(byHand).length;
    const plural = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
    counts.textContent = [plural(of("pick"), "pick"), plural(of("alternate"), "alternate"), plural(of("reject"), "reject")]
      .concat(chosen ? chosen + " yours" : [], made ? made + " series by you" : [], marked.size ? marked.size + " marked" : [])
      .concat(kept ? [] : "not stored by this browser: save the choices before you leave").join(" · ");
  }

  /* Choices: stored by the content of the photo, so that they outlive the page and any renaming */

  const place = (content) => "smalti photo " + content;

  function stored(content) {
    try {
      const found = JSON.parse(localStorage.getItem(place(content)));
      return Array.isArray(found) ? found.filter((choice) => choice && typeof choice.file === "string") : [];
    } catch {
      return [];
    }
  }

  function keep(changed) {
    try {
      for (const { content, choice } of changed) {
        const others = stored(content).filter((other) => other.file !== choice.file);
        localStorage.setItem(place(content), JSON.stringify([...others, choice]));
      }
    } catch {
      kept = false;
    }
  }

  function recall() {
    try {
      localStorage.getItem("smalti");
    } catch {
      kept = false;
    }
    const same = new Map();
    for (const photo of photos) same.set(photo.content, [...(same.get(photo.content) || []), photo]);
    for (const [content, alike] of same) {
      const known = [...data.choices.filter((choice) => choice.content === content), ...stored(content)];
      pair(alike, known.sort((one, other) => other.at - one.at));
    }
  }

  function pair(alike, choices) {
    const fits = [(a, b) => a === b, (a, b) => name(a) === name(b), () => true];
    for (const fit of fits) {
      for (const photo of alike) {
        const found = choices.find((choice) => fit(photo.files[0], choice.file));
        if (photo.choice || !found) continue;
        const ok = VERDICTS.includes(found.verdict) ? found.verdict : null;
        photo.choice = { content: photo.content, file: photo.files[0], verdict: ok, series: found.series ?? null, at: found.at };
        choices = choices.filter((other) => other.file !== found.file);
      }
    }
  }

  function regroup() {
    const parts = new Map();
    groups.forEach((group, number) => {
      const members = [...group.photos].sort(inTime);
      const known = members.map((photo, k) => k).filter((k) => members[k].choice && members[k].choice.series !== null);
      members.forEach((photo, k) => {
        const nearest = known.reduce((best, other) => (best < 0 || Math.abs(other - k) < Math.abs(best - k) ? other : best), -1);
        const key = nearest < 0 ? number : members[nearest].choice.series;
        parts.set(key, [...(parts.get(key) || []), photo]);
      });
    });
    const whole = ({ group }, members) => group.photos.length === members.length && members.every((photo) => photo.group === group);
    arrange([...parts.values()].map((members) => (whole(members[0], members) ? members[0].group : newGroup(members))));
  }

  /* Actions */

  function change(edit) {
    const before = { choices: photos.map((photo) => photo.choice), groups, current };
    edit();
    const changed = photos.filter((photo, row) => photo.choice !== before.choices[row]);
    if (!changed.length) return;
    undone.push(before);
    keep(changed);
    refresh(changed);
  }

  function choose(photo, what) {
    const old = photo.choice || { verdict: null, series: null };
    const now = { content: photo.content, file: photo.files[0], verdict: old.verdict, series: old.series, ...what, at: Date.now() };
    if (now.verdict !== old.verdict || now.series !== old.series) photo.choice = now;
  }

  function judge(to, more = false) {
    const photo = photoOf(current), group = groupOf(photo);
    change(() => {
      const picks = group.photos.filter((other) => other !== photo && verdict(other.card) === "pick");
      for (const other of picks) {
        if (to === "pick" && more) choose(other, { verdict: "pick" });
        else if (to === "pick" && other.choice && other.choice.verdict) choose(other, { verdict: "alternate" });
      }
      choose(photo, { verdict: to });
    });
  }

  function undo() {
    const last = undone.pop();
    if (!last) return;
    const changed = photos.filter((photo, row) => photo.choice !== last.choices[row]);
    for (const photo of changed) {
      const old = last.choices[photo.row] || { content: photo.content, file: photo.files[0], verdict: null, series: null };
      photo.choice = { ...old, at: Date.now() };
    }
    keep(changed);
    if (groups !== last.groups) arrange(last.groups);
    refresh(changed);
    select(last.current);
  }

  function refresh(changed) {
    for (const group of groups) if (group.photos.some((photo) => changed.includes(photo))) show(group);
    count();
    caption();
  }

  /* Series made by hand */

  function newGroup(members) {
    return { photos: [...members].sort(byScore), given: false, strip: null, section: null };
  }

  function build(group) {
    group.section = find("template.new").content.firstElementChild.cloneNode(true);
    group.strip = find(".strip", group.section);
    const first = [...group.photos].sort(inTime)[0];
    find(".title", group.section).textContent = first.files[0];
    find("h2 .soft", group.section).textContent = group.photos.length === 1 ? "1 photo" : group.photos.length + " photos";
  }

  function remake(sets) {
    const touched = new Set(sets.flat().map(groupOf));
    const inSets = new Set(sets.flat());
    const rests = [...touched].map((group) => group.photos.filter((photo) => !inSets.has(photo))).filter((rest) => rest.length);
    const made = [...sets, ...rests];
    const whole = sets.length === 1 && touched.size === 1 && !rests.length;
    if (whole && (sets[0].length === 1 || byHand(groupOf(sets[0][0])))) return;
    change(() => {
      const now = Date.now();
      made.forEach((members, k) => members.forEach((photo) => choose(photo, { series: `${now}-${photos.indexOf(members[0])}-${k}` })));
      arrange([...groups.filter((group) => !touched.has(group)), ...made.map(newGroup)]);
    });
    unmark();
    select(current);
  }

  function split() {
    remake([marked.size ? photos.filter((photo) => marked.has(photo)) : [photoOf(current)]]);
  }

  function join() {
    let joined = [...new Set([...marked].map(groupOf))];
    if (!joined.length) {
      const strips = shownStrips(), at = strips.indexOf(current.parentElement);
      if (at < 1) return;
      joined = [strips[at - 1], strips[at]].map((strip) => groupOf(photoOf(strip.firstElementChild)));
    }
    if (joined.length > 1) remake([joined.flatMap((group) => group.photos)]);
  }

  function arrange(wanted) {
    const now = new Set(wanted);
    for (const group of groups) {
      if (now.has(group)) continue;
      (group.section || group.strip).remove();
    }
    groups = [...wanted].sort((one, other) => Math.min(...one.photos.map((p) => p.when)) - Math.min(...other.photos.map((p) => p.when)));
    for (const group of groups) {
      for (const photo of group.photos) photo.group = group;
      if (!group.strip) build(group);
      const there = [...group.strip.children];
      if (there.length !== group.photos.length || there.some((card, k) => card !== group.photos[k].card)) {
        group.strip.replaceChildren(...group.photos.map((photo) => photo.card));
      }
      show(group);
    }
    order();
  }

  /* Which series are shown, and in which order */

  const kinds = {
    all: () => true,
    close: (group) => group.photos.length > 1 && group.photos.some((photo) => !find("mark", photo.card).hidden),
    mine,
    open: (group) => group.photos.length > 1 && !mine(group),
    series: (group) => group.photos.length > 1,
    alone: (group) => group.photos.length === 1,
  };
  const text = new Intl.Collator(undefined, { numeric: true });
  const title = (group) => (group.section ? find(".title", group.section).textContent : group.photos[0].files[0]);
  const orders = {
    time: null,
    name: (one, other) => text.compare(title(one), title(other)),
    close: (one, other) => closest(other) - closest(one),
    many: (one, other) => other.photos.length - one.photos.length,
  };

  function order() {
    const by = orders[sort.value], singles = find(".singles"), box = singles && find(".alone", singles);
    const sorted = by ? [...groups].sort(by) : groups;
    main.append(...sorted.filter((group) => group.section).map((group) => group.section));
    if (!singles) return sift();
    main.append(singles);
    box.append(...sorted.filter((group) => !group.section).map((group) => group.strip));
    sift();
  }

  function sift() {
    const wanted = kinds[filter.value];
    const fit = groups.filter(wanted);
    for (const group of groups) (group.section || group.strip).hidden = !fit.includes(group);
    const singles = find(".singles");
    if (singles) singles.hidden = !fit.some((group) => !group.section);
    find(".nothing").hidden = fit.length > 0;
    find(".shown").textContent = filter.value === "all" ? "" : `${fit.length} of ${groups.length}`;
    visible = all(".photo", main).filter((card) => !card.parentElement.hidden && !card.closest("section").hidden);
  }

  const shownStrips = () => [...new Set(visible.map((card) => card.parentElement))];

  function rearranged() {
    order();
    if (visible.length) select(visible.includes(current) ? current : visible[0]);
  }

  function turn(list, by = 1) {
    list.selectedIndex = (list.selectedIndex + by) % list.options.length;
    rearranged();
  }

  /* Navigation */

  const openDialog = () => [help, index, view].find((dialog) => dialog.open);

  function select(card) {
    current.classList.remove("current");
    current.tabIndex = -1;
    current = card;
    current.classList.add("current");
    current.tabIndex = 0;
    if (!openDialog()) current.focus({ preventScroll: true });
    current.scrollIntoView({ block: "nearest" });
  }

  function step(by) {
    if (view.open) return stepPane(by);
    const next = visible[visible.indexOf(current) + by];
    if (next) select(next);
  }

  function jump(by) {
    const strips = shownStrips(), next = strips[strips.indexOf(current.parentElement) + by];
    if (!next) return;
    select(next.firstElementChild);
    if (view.open) compare(panes.length);
  }

  function toggleMark() {
    const photo = photoOf(current);
    if (!marked.delete(photo)) marked.add(photo);
    current.classList.toggle("marked", marked.has(photo));
    count();
  }

  function unmark() {
    for (const photo of marked) photo.card.classList.remove("marked");
    marked.clear();
    count();
  }

  /* The view: one photo or some side by side, at one zoom and one place */

  let panes = []; // { box, stage, img, bar, photo, note, shown }
  const at = { zoom: 0, x: 0.5, y: 0.5 }; // pixels of the screen for one of the largest photo (0: all of it), and the middle

  function shownWith(number) {
    const photo = photoOf(current), fellows = groupOf(photo).photos;
    if (marked.size > 1) return [...marked].slice(0, MOST_PANES);
    const best = fellows.filter((other) => other !== photo)
      .sort((one, other) => (verdict(other.card) === "pick") - (verdict(one.card) === "pick"));
    const chosen = [photo, ...best].slice(0, number);
    return number === 1 ? chosen : chosen.sort((one, other) => fellows.indexOf(one) - fellows.indexOf(other));
  }

  function compare(number) {
    const chosen = number === 1 ? [photoOf(current)] : shownWith(number);
    if (!view.open) Object.assign(at, { zoom: 0, x: 0.5, y: 0.5 });
    if (!view.open) view.showModal();
    panesBox.replaceChildren();
    panes = chosen.map(newPane);
    panesBox.dataset.number = panes.length;
    activate(panes.find((pane) => pane.photo === photoOf(current)) || panes[0]);
    panes.forEach(load);
  }

  function newPane(photo) {
    const [box, stage] = [document.createElement("div"), document.createElement("div")];
    const img = document.createElement("img"), bar = document.createElement("p");
    stage.className = "stage";
    box.className = "pane";
    box.tabIndex = 0;
    img.alt = "";
    img.draggable = false;
    stage.append(img);
    box.append(stage, bar);
    panesBox.append(box);
    const pane = { box, stage, img, bar, photo, note: "" };
    box.addEventListener("focus", () => activate(pane));
    return pane;
  }

  function activate(pane) {
    for (const other of panes) other.box.classList.toggle("active", other === pane && panes.length > 1);
    select(pane.photo.card);
    if (document.activeElement !== pane.box) pane.box.focus({ preventScroll: true });
    caption();
  }

  const active = () => panes.find((pane) => pane.photo.card === current) || panes[0];

  function stepPane(by) {
    const pane = active(), others = panes.filter((other) => other !== pane).map((other) => other.photo);
    const list = panes.length > 1 ? groupOf(pane.photo).photos.map((photo) => photo.card) : visible;
    let k = list.indexOf(pane.photo.card) + by;
    while (list[k] && others.includes(photoOf(list[k]))) k += by;
    if (!list[k]) return;
    pane.photo = photoOf(list[k]);
    activate(pane);
    load(pane);
  }

  function load(pane) {
    const { card } = pane.photo, small = find("img", card), full = card.dataset.full;
    pane.note = card.dataset.note;
    pane.box.dataset.row = pane.photo.row;
    pane.box.dataset.state = "loading";
    const failed = () => {
      pane.img.onerror = () => done("failed");
      pane.note = full ? "thumbnail only: this browser cannot show the file" : pane.note;
      pane.box.dataset.fallback = "yes";
      if (small) pane.img.src = small.src;
      else pane.img.removeAttribute("src");
      if (!small) done("failed");
    };
    const done = (state) => {
      pane.box.dataset.state = state;
      layOut();
    };
    delete pane.box.dataset.fallback;
    pane.img.onload = () => done("ready");
    pane.img.onerror = failed;
    if (full) pane.img.src = find(".frame", card).href;
    else failed();
    caption();
  }

  const screen = () => window.devicePixelRatio || 1;
  const ready = () => panes.filter((pane) => pane.img.naturalWidth);
  const longest = () => Math.max(1, ...ready().map(({ img }) => Math.max(img.naturalWidth, img.naturalHeight)));

  function scaleOf({ stage, img }, zoom = at.zoom) {
    const { naturalWidth: width, naturalHeight: height } = img;
    if (!zoom) return Math.min(stage.clientWidth / width, stage.clientHeight / height);
    return (zoom / screen()) * (longest() / Math.max(width, height)); // smaller photos show the same part
  }

  const held = (middle, half) => (half >= 0.5 ? 0.5 : Math.min(1 - half, Math.max(half, middle)));

  function layOut() {
    for (const pane of ready()) {
      const { box, stage, img } = pane, scale = scaleOf(pane);
      const [across, down] = [stage.clientWidth / 2, stage.clientHeight / 2];
      const width = img.naturalWidth * scale, height = img.naturalHeight * scale;
      const x = held(at.x, across / width), y = held(at.y, down / height);
      if (pane === active()) [at.x, at.y] = at.zoom ? [x, y] : [0.5, 0.5];
      img.style.transform = `translate(${across - x * width}px, ${down - y * height}px) scale(${scale})`;
      img.style.imageRendering = scale * screen() > 2 ? "pixelated" : "auto";
      pane.shown = Math.round(100 * scale * screen());
      box.dataset.scale = pane.shown;
      box.dataset.middle = `${x.toFixed(4)} ${y.toFixed(4)}`;
    }
    find(".zoomed", view).textContent = at.zoom ? "fit" : "100 %";
    find(".compared", view).textContent = panes.length > 1 ? "one" : "compare";
    caption();
  }

  function caption() {
    if (!view.open) return;
    for (const { bar, photo, box, note, shown } of panes) {
      const { card } = photo;
      const hidden = (selector) => !find(selector, card) || find(selector, card).hidden;
      const words = [find(".name", card).textContent, hidden(".beats") ? "" : find(".beats", card).textContent,
        hidden("mark") ? "" : "too close to call", hidden(".reasons") ? "" : find(".reasons", card).textContent,
        shown ? shown + " %" : "", note];
      const badge = document.createElement("b");
      badge.className = "verdict";
      badge.textContent = verdict(card) + (hidden(".yours") ? "" : ", yours");
      box.dataset.verdict = verdict(card);
      bar.replaceChildren(badge, " " + words.filter(Boolean).join(" · "));
    }
  }

  function zoomTo(zoom, pane = active(), event = null) {
    if (!pane) return;
    if (!pane.img.naturalWidth) { // shown so when it is there
      at.zoom = zoom;
      return layOut();
    }
    const before = scaleOf(pane), whole = scaleOf(pane, 0) / scaleOf(pane, 1); // the zoom that shows all of it
    const all = !zoom || (zoom <= whole * 1.001 && whole < 1);
    at.zoom = all ? 0 : Math.max(Math.min(zoom, NEAREST), Math.min(whole, 1));
    if (event && at.zoom) hold(pane, event, before);
    layOut();
  }

  function hold(pane, event, before) { // what is under the pointer stays there
    const { stage, img } = pane, rect = stage.getBoundingClientRect(), after = scaleOf(pane);
    const dx = event.clientX - rect.left - rect.width / 2, dy = event.clientY - rect.top - rect.height / 2;
    at.x += (dx / before - dx / after) / img.naturalWidth;
    at.y += (dy / before - dy / after) / img.naturalHeight;
  }

  const toggleZoom = (pane, event) => zoomTo(at.zoom ? 0 : 1, pane, event);

  function zoomBy(factor, pane = active(), event = null) {
    if (!pane || !pane.img.naturalWidth) return;
    zoomTo((scaleOf(pane) / scaleOf(pane, 1)) * factor, pane, event);
  }

  function pan(dx, dy, pane = active()) {
    if (!pane || !pane.img.naturalWidth || !at.zoom) return;
    const scale = scaleOf(pane);
    at.x += dx / (pane.img.naturalWidth * scale);
    at.y += dy / (pane.img.naturalHeight * scale);
    layOut();
  }

  const panBy = (x, y) => () => view.open && pan((x * active().stage.clientWidth) / 5, (y * active().stage.clientHeight) / 5);
  const paneOf = (event) => panes.find((pane) => pane.box.contains(event.target));
  const fingers = new Map();
  let swiped = 0;

  panesBox.addEventListener("pointerdown", (event) => {
    const pane = paneOf(event);
    if (!pane) return;
    pane.box.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
    swiped = 0;
  });
  panesBox.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId), pane = paneOf(event);
    if (!last || !pane) return;
    const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
    if (other) {
      const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY) || 1;
      zoomBy(apart(event) / apart(last), pane, { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 });
    } else if (at.zoom) pan(last.clientX - event.clientX, last.clientY - event.clientY, pane);
    else swiped += event.clientX - last.clientX;
    fingers.set(event.pointerId, event);
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    panesBox.addEventListener(kind, (event) => {
      fingers.delete(event.pointerId);
      if (event.pointerType === "touch" && Math.abs(swiped) > 60) step(swiped < 0 ? 1 : -1);
      swiped = 0;
    });
  }
  panesBox.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY / 400), paneOf(event), event);
  }, { passive: false });
  panesBox.addEventListener("dblclick", (event) => toggleZoom(paneOf(event), event));
  window.addEventListener("resize", () => view.open && layOut());

  function toggleView() {
    if (view.open) view.close();
    else compare(1);
  }

  const toggleCompare = () => compare(view.open && panes.length > 1 ? 1 : 2);

  view.addEventListener("close", () => { // comes late: it may have been opened again
    if (view.open) return;
    panes = [];
    panesBox.replaceChildren();
    select(current);
  });

  /* The index and the help */

  function openIndex() {
    find("ol", index).replaceChildren(...shownStrips().map((strip) => {
      const group = groupOf(photoOf(strip.firstElementChild));
      const line = document.createElement("li"), button = document.createElement("button");
      const best = group.photos.find((photo) => verdict(photo.card) === "pick") || group.photos[0];
      const small = find("img", best.card);
      if (small) button.append(Object.assign(document.createElement("img"), { src: small.src, alt: "", loading: "lazy" }));
      const signs = [kinds.close(group) ? "≈" : "", mine(group) ? "yours" : ""].filter(Boolean).join(" ");
      const words = document.createElement("span");
      words.textContent = title(group) + (group.photos.length > 1 ? `, ${group.photos.length}` : "");
      button.append(words, Object.assign(document.createElement("i"), { textContent: signs, className: "yours" }));
      button.type = "button";
      button.dataset.go = group.photos[0].row;
      line.append(button);
      return line;
    }));
    index.showModal();
    const here = find(`[data-go="${groupOf(photoOf(current)).photos[0].row}"]`, index);
    if (here) here.focus();
  }

  function go(button) {
    index.close();
    select(photos[button.dataset.go].card);
    current.scrollIntoView({ block: "center" });
  }

  const inIndex = (by) => {
    const buttons = all("[data-go]", index), next = buttons[buttons.indexOf(document.activeElement) + by];
    if (next) next.focus();
  };

  /* Export */

  function save(file, type, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function saveChoices() {
    const made = photos.map((photo) => photo.choice).filter((choice) => choice && (choice.verdict || choice.series !== null));
    save(data.name + "-choices.json", "application/json", JSON.stringify({ smalti: "choices 1", photos: made }, null, 1) + "\n");
  }

  function csv() {
    const cell = (value) => (/[",\r\n]/.test(value) ? '"' + value.replaceAll('"', '""') + '"' : value);
    const column = (of) => data.columns.indexOf(of);
    const rows = groups.flatMap((group) => group.photos.map((photo, k) => {
      const row = [...data.rows[photo.row]];
      row[column("verdict")] = verdict(photo.card);
      if (group.given) return row;
      const model = proposed(group)[k], first = [...group.photos].sort(inTime)[0];
      row[column("series")] = data.rows[first.row][column("file")];
      row[column("order")] = String(k + 1);
      row[column("probability")] = (model.chance ?? 0.5).toFixed(4);
      row[column("close")] = model.close ? "yes" : "no";
      row[column("reasons")] = "";
      return row;
    }));
    save(data.name + ".csv", "text/csv", "\ufeff" + [data.columns, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join(""));
  }

  function list() {
    const picks = photos.filter((photo) => verdict(photo.card) === "pick");
    save(data.name + "-picks.txt", "text/plain", picks.map((photo) => photo.files.join("\n") + "\n").join(""));
  }

  /* Keys, clicks */

  const acts = {
    pick: () => judge("pick"), alternate: () => judge("alternate"), reject: () => judge("reject"), undo,
    view: toggleView, compare: toggleCompare, mark: toggleMark, split, join, index: openIndex,
    zoom: () => toggleZoom(), back: () => step(-1), next: () => step(1),
    choices: saveChoices, csv, list, help: () => help.showModal(), close: () => openDialog().close(),
  };
  const onPage = {
    m: toggleMark, n: split, j: join, f: () => turn(filter), o: () => turn(sort), i: openIndex, s: saveChoices, Escape: unmark,
  };
  const inView = {
    z: acts.zoom, 0: acts.zoom, "+": () => zoomBy(1.25), "=": () => zoomBy(1.25), "-": () => zoomBy(0.8),
    1: () => compare(1), 2: () => compare(2), 3: () => compare(3), 4: () => compare(4),
    "Shift ArrowRight": panBy(1, 0), "Shift ArrowLeft": panBy(-1, 0),
    "Shift ArrowDown": panBy(0, 1), "Shift ArrowUp": panBy(0, -1),
  };
  const both = {
    ArrowRight: () => step(1), ArrowLeft: () => step(-1), ArrowDown: () => jump(1), ArrowUp: () => jump(-1),
    Enter: acts.pick, p: acts.pick, "Shift p": () => judge("pick", true), a: acts.alternate, x: acts.reject,
    Backspace: () => judge(null), u: undo, "Ctrl z": undo, " ": toggleView, c: toggleCompare, "?": acts.help,
  };

  function actOf(event) {
    const key = event.key.length > 1 ? event.key : event.key.toLowerCase();
    const named = (event.ctrlKey || event.metaKey ? "Ctrl " : "") + (event.shiftKey && /^\w+$/.test(key) ? "Shift " : "") + key;
    if (index.open) return { ArrowDown: () => inIndex(1), ArrowUp: () => inIndex(-1), i: acts.close }[named];
    if (help.open) return { "?": acts.close }[named];
    return both[named] || (view.open ? inView : onPage)[named];
  }

  document.addEventListener("keydown", (event) => {
    const act = event.altKey ? null : actOf(event);
    const control = event.target.closest("button, select, summary");
    if (!act || (control && !index.open && [" ", "Enter"].includes(event.key))) return;
    if (event.target.closest("select") && event.key.startsWith("Arrow")) return;
    event.preventDefault();
    act();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]"), line = event.target.closest("[data-go]");
    if (button) return acts[button.dataset.act]();
    if (line) return go(line);
    const card = event.target.closest(".photo");
    if (!card || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    select(card);
  });
  document.addEventListener("dblclick", (event) => event.target.closest(".photo") && toggleView());
  filter.addEventListener("change", rearranged);
  sort.addEventListener("change", rearranged);

  recall();
  regroup();
  count();
  current = visible[0] || current;
  current.classList.add("current");
  current.tabIndex = 0;
  document.documentElement.dataset.ready = "yes";
})();
