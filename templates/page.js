"use strict";
(() => {
  // The page fetches itself and swaps its main part; whoever reads without scripts loses nothing.
  const every = 5000;
  const lost = document.getElementById("_lost");
  let heard = new Date();

  const selecting = () => {
    const selection = document.getSelection();
    return selection && !selection.isCollapsed && !document.activeElement?.closest("[data-kept]");
  };

  const tell = () => {
    document.getElementById("_lost-since").textContent = "at " + heard.toLocaleTimeString();
    lost.hidden = false;
  };

  // What somebody is at work on stays in its place, untouched: its text, its focus, its caret.
  const busy = (part) =>
    part.contains(document.activeElement) ||
    [...part.querySelectorAll("input, textarea")].some((field) =>
      field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue,
    );

  const swapMain = (old, fresh) => {
    const kept = [...old.children].find((part) => part.dataset.kept !== undefined && busy(part));
    const place = kept && [...fresh.children].find((part) => part.id === kept.id);
    if (!place) {
      old.replaceChildren(...fresh.childNodes);
      return;
    }
    while (old.firstChild !== kept) old.firstChild.remove();
    while (kept.nextSibling) kept.nextSibling.remove();
    while (fresh.firstChild !== place) kept.before(fresh.firstChild);
    place.remove();
    old.append(...fresh.childNodes);
  };

  const swap = (next) => {
    if (next.querySelector("style").textContent !== document.querySelector("style").textContent) {
      // Another version answers; what somebody types now outlasts that, too.
      if (![...document.querySelectorAll("[data-kept]")].some(busy)) location.reload();
      return;
    }
    const folds = new Map([...document.querySelectorAll("main details[id]")].map((d) => [d.id, d.open]));
    const focused = document.activeElement || document.body;
    const handle = ["data-word", "href", "id"].find((name) => focused.getAttribute(name));
    document.title = next.title;
    for (const part of ["link[rel=icon]", ".clock"]) {
      const [old, fresh] = [document.querySelector(part), next.querySelector(part)];
      if (old && fresh) old.replaceWith(document.adoptNode(fresh));
    }
    swapMain(document.querySelector("main"), document.adoptNode(next.querySelector("main")));
    for (const details of document.querySelectorAll("main details[id]")) {
      details.open = folds.get(details.id) ?? details.open;
    }
    if (!focused.isConnected && handle) {
      const word = focused.getAttribute(handle);
      const again = [...document.querySelectorAll("main [" + handle + "]")].find((e) => e.getAttribute(handle) === word);
      if (again) again.focus({ preventScroll: true });
    }
    document.dispatchEvent(new Event("swapped"));
  };

  const look = async () => {
    if (document.hidden) return;
    if (selecting()) {
      // Whoever selects text keeps it, and is told that it grows old.
      if (new Date() - heard > 6 * every) tell();
      return;
    }
    try {
      const asked = location.href;
      const answer = await fetch(asked, {
        cache: "no-store",
        headers: { Accept: "text/html" },
        signal: AbortSignal.timeout(every),
      });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.status >= 500 || !next.querySelector("main")) throw new Error(answer.status);
      heard = new Date();
      lost.hidden = true;
      // The filter was changed meanwhile: this answer is to another question.
      if (asked === location.href) swap(next);
    } catch {
      tell();
    }
  };

  const again = async () => {
    await look();
    setTimeout(again, every);
  };
  setTimeout(again, every);
  document.addEventListener("visibilitychange", look);
  document.addEventListener("look", look);
})();
