"use strict";
(() => {
  // The page fetches itself and swaps its main part; whoever reads without scripts loses nothing.
  const every = 5000;
  const lost = document.getElementById("_lost");
  let heard = new Date();

  const selecting = () => {
    const selection = document.getSelection();
    return selection && !selection.isCollapsed;
  };

  const tell = () => {
    document.getElementById("_lost-since").textContent = "at " + heard.toLocaleTimeString();
    lost.hidden = false;
  };

  const swap = (next) => {
    if (next.querySelector("style").textContent !== document.querySelector("style").textContent) {
      location.reload();
      return;
    }
    const open = [...document.querySelectorAll("main details[open]")].map((d) => d.id);
    const focused = document.activeElement && document.activeElement.getAttribute("href");
    document.title = next.title;
    for (const part of ["main", "link[rel=icon]", ".clock"]) {
      const [old, fresh] = [document.querySelector(part), next.querySelector(part)];
      if (old && fresh) old.replaceWith(document.adoptNode(fresh));
    }
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    if (focused) {
      const again = [...document.querySelectorAll("main a")].find((a) => a.getAttribute("href") === focused);
      if (again) again.focus({ preventScroll: true });
    }
  };

  const look = async () => {
    if (document.hidden) return;
    if (selecting()) {
      // Whoever selects text keeps it, and is told that it grows old.
      if (new Date() - heard > 6 * every) tell();
      return;
    }
    try {
      const answer = await fetch(location.href, {
        cache: "no-store",
        headers: { Accept: "text/html" },
        signal: AbortSignal.timeout(every),
      });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.status >= 500 || !next.querySelector("main")) throw new Error(answer.status);
      swap(next);
      heard = new Date();
      lost.hidden = true;
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
})();
