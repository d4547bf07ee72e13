"use strict";
// The page says everything without this. Added here: a filter, keys, and closed details that open for printing.
(() => {
  const bar = document.querySelector("[data-filter]");
  const changes = Array.from(document.querySelectorAll("[data-change]"));
  const folds = Array.from(document.querySelectorAll(".item details, details.item"));

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    opened.forEach((d) => { d.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((d) => { d.open = false; }));

  const reveal = (change) => {
    for (let d = change.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
    const inner = change.querySelector(":scope > details");
    if (inner) inner.open = true;
  };
  const follow = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.matches("[data-change]")) { reveal(target); target.scrollIntoView(); }
  };
  addEventListener("hashchange", follow);
  follow();
  if (!bar) return;

  const text = bar.querySelector("[data-filter-text]");
  const level = bar.querySelector("[data-filter-level]");
  const keys = bar.querySelector("[data-keys]");
  const fold = bar.querySelector("[data-fold]");
  const matches = bar.querySelector("[data-matches]");
  const ranks = ["critical", "high", "medium", "low", "info"];
  const words = new Map();
  const wordsOf = (change) => {
    if (!words.has(change)) {
      const outer = change.closest("details.fold");
      words.set(change, (change.textContent + " " + (outer ? outer.querySelector("summary").textContent : "")).toLowerCase());
    }
    return words.get(change);
  };
  const shows = (change) => {
    const wanted = level.value;
    if (wanted === "uncertain" && !change.hasAttribute("data-uncertain")) return false;
    if (ranks.includes(wanted) && ranks.indexOf(change.dataset.level) > ranks.indexOf(wanted)) return false;
    return text.value.toLowerCase().split(/\s+/).every((word) => wordsOf(change).includes(word));
  };
  const filter = () => {
    const active = text.value.trim() !== "" || level.value !== "";
    let count = 0;
    for (const change of changes) {
      change.hidden = active && !shows(change);
      if (!change.hidden) count++;
    }
    for (const group of document.querySelectorAll("details.fold, [data-section]")) {
      const inside = Array.from(group.querySelectorAll("[data-change]"));
      group.hidden = active && inside.every((change) => change.hidden);
    }
    matches.textContent = active ? `${count} of ${changes.length} changes match, the others are hidden by the filter` : "";
  };
  text.addEventListener("input", filter);
  level.addEventListener("change", filter);
  fold.addEventListener("click", () => {
    const open = folds.some((d) => !d.open);
    folds.forEach((d) => { d.open = open; });
    fold.textContent = open ? "Close all" : "Open all";
  });
  if (folds.length === 0) fold.hidden = true;
  else if (folds.every((d) => d.open)) fold.textContent = "Close all";

  let at = -1;
  const go = (step, wanted) => {
    const list = changes.filter((change) => !change.hidden && !change.closest("[hidden]") && change.matches("article"));
    if (list.length === 0) return;
    const from = list.indexOf(changes[at]);
    for (let i = 1; i <= list.length; i++) {
      const next = list[(from + step * i + list.length * 2) % list.length];
      if (!wanted || next.dataset.level === wanted) {
        at = changes.indexOf(next);
        reveal(next);
        next.querySelector("h3").focus({ preventScroll: true });
        next.scrollIntoView({ block: "start" });
        return;
      }
    }
  };
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target === text) { text.value = ""; filter(); text.blur(); return; }
    if (!keys.checked || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), select, textarea")) return;
    const act = { "/": () => text.focus(), j: () => go(1), k: () => go(-1), n: () => go(1, "critical") }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  bar.hidden = false;
})();
