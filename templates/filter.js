(() => {
  "use strict";
  // Filters the list where it stands, as the server does by the same address, and folds sections.
  const box = () => document.getElementById("_q");
  if (!box()) return;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const hide = (element, hidden) => {
    if (element) element.hidden = hidden;
  };

  // Words that are no choice filter nothing.
  const asked = (name) => {
    const words = new URLSearchParams(location.search).getAll(name).flatMap((each) => each.split(","));
    const choices = all("[data-filter=" + name + "]").map((link) => link.dataset.word);
    return new Set(choices.filter((word) => words.includes(word)));
  };
  const filtered = () => asked("standing").size + asked("severity").size > 0 || sought() !== "";
  const sought = () => (new URLSearchParams(location.search).get("q") || "").trim();

  const texts = (row) =>
    [row.dataset.about, ...all(".title, .because", row).map((part) => part.textContent)].join(" ").toLowerCase();

  const apply = () => {
    const [standings, severities] = [asked("standing"), asked("severity")];
    const words = sought().toLowerCase().split(/\s+/).filter(Boolean);
    const on = filtered();
    let left = 0;
    for (const row of all(".sections [data-standing]")) {
      const { standing, severity } = row.dataset;
      row.hidden =
        (standings.size > 0 && !standings.has(standing)) ||
        (severities.size > 0 && !severities.has(severity)) ||
        (words.length > 0 && !words.every((word) => texts(row).includes(word)));
      if (!row.hidden) left += 1;
    }
    for (const other of all(".other")) other.hidden = on;
    for (const part of all(".group, .section")) part.hidden = !part.querySelector("[data-standing]:not([hidden])");
    for (const link of all(".contents a")) {
      link.parentElement.hidden = document.getElementById(link.hash.slice(1)).hidden;
    }
    for (const link of all("[data-filter]")) {
      const chosen = asked(link.dataset.filter).has(link.dataset.word);
      if (chosen) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    hide(document.getElementById("_overview"), on);
    hide(document.getElementById("_clear"), !on);
    hide(document.getElementById("_none"), left > 0);
    const told = document.getElementById("_left");
    if (told.textContent !== String(left)) told.textContent = left;
  };

  const go = (change, replace) => {
    const address = new URL(location);
    address.hash = "";
    change(address.searchParams);
    history[replace ? "replaceState" : "pushState"](null, "", address);
    apply();
    refold();
  };

  const search = (text) => go((query) => (text.trim() ? query.set("q", text.trim()) : query.delete("q")), true);

  const toggle = ({ filter, word }) =>
    go((query) => {
      const words = asked(filter);
      if (!words.delete(word)) words.add(word);
      query.delete(filter);
      for (const each of words) query.append(filter, each);
    });

  // Which sections are folded is kept while the tab is open.
  const key = "vigie.folded";
  const folded = () => new Set(JSON.parse(sessionStorage.getItem(key) || "[]"));
  const refold = () => {
    const ids = folded();
    for (const section of all(".section")) section.open = filtered() || !ids.has(section.id);
    label();
  };
  const label = () => {
    document.getElementById("_fold").textContent = all(".section").some((s) => s.open) ? "Fold all" : "Unfold all";
  };
  const remember = () => {
    label();
    if (filtered()) return;
    const ids = all(".section:not([open])").map((section) => section.id);
    sessionStorage.setItem(key, JSON.stringify(ids));
  };
  const unfold = (section) => {
    if (section && section.matches(".section")) section.open = true;
  };

  document.addEventListener("input", (event) => {
    if (event.target === box()) search(box().value);
  });
  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || !(event.target instanceof Element)) return;
    const link = event.target.closest("a, button, .section > summary");
    if (!link) return;
    if (link.dataset.filter) {
      event.preventDefault();
      toggle(link.dataset);
    } else if (link.id === "_clear") {
      event.preventDefault();
      box().value = "";
      go((query) => ["standing", "severity", "q"].forEach((name) => query.delete(name)));
      box().focus();
    } else if (link.id === "_fold") {
      const open = !all(".section").some((section) => section.open);
      for (const section of all(".section")) section.open = open;
      remember();
    } else if (link.matches("summary")) {
      setTimeout(remember);
    } else if (link.hash && link.closest(".contents")) {
      unfold(document.getElementById(link.hash.slice(1)));
      remember();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest("input, textarea, select")) {
      event.preventDefault();
      box().focus();
      box().select();
    } else if (event.key === "Escape" && event.target === box()) {
      box().value = "";
      search("");
      box().blur();
    }
  });
  window.addEventListener("popstate", () => {
    box().value = sought();
    apply();
    refold();
  });
  document.addEventListener("swapped", () => {
    apply();
    label();
  });

  refold();
  unfold(document.getElementById(location.hash.slice(1)));
})();
