// Asks for the page again every two seconds and puts in what has changed. It changes nothing elsewhere.
"use strict";
(() => {
  const PAUSE = 2000, SLOW = 10000;
  const said = document.getElementById("said"), beat = document.getElementById("beat");
  let mark = "", paused = false;

  const words = document.createElement("span");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Pause updates";
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on with updates" : "Pause updates";
    tell();
  });
  beat.replaceChildren(words, " ", button);

  function tell(lost) {
    const now = new Date().toLocaleTimeString();
    if (lost) words.textContent = `No answer: the console has ended, or cannot be reached. This page is of ${lost}.`;
    else words.textContent = paused ? `As of ${now}, updates paused.` : `As of ${now}.`;
    document.body.classList.toggle("lost", Boolean(lost));
  }

  // Where the reader was: the element with the same id, or the same link, within what is put in.
  function keep(old, fresh) {
    const opened = [...old.querySelectorAll("details[open][id]")].map((found) => found.id);
    for (const id of opened) fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    const at = document.activeElement;
    if (!at || !old.contains(at)) return () => {};
    const link = at.getAttribute("href"), id = at.id || at.closest("[id]")?.id;
    return () => {
      const same = link && [...fresh.querySelectorAll("a")].find((found) => found.getAttribute("href") === link);
      const near = id && document.getElementById(id);
      (same || near?.querySelector("summary") || near)?.focus?.({ preventScroll: true });
    };
  }

  function put(old, fresh) {
    const back = keep(old, fresh);
    old.replaceWith(fresh);
    back();
  }

  function parts(page) {
    return [...page.querySelectorAll("#main [data-live]")];
  }

  // Open details and the reader's place are no news.
  function text(part) {
    const copy = part.cloneNode(true);
    for (const found of copy.querySelectorAll("details[open]")) found.removeAttribute("open");
    return copy.outerHTML;
  }

  function take(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const had = parts(document), has = parts(page);
    document.title = page.title;
    const news = page.getElementById("said");
    if (news && news.innerHTML !== said.innerHTML) said.replaceChildren(...news.childNodes);
    if (had.map((part) => part.id).join() !== has.map((part) => part.id).join()) {
      put(document.getElementById("main"), page.getElementById("main"));
      return;
    }
    had.forEach((part, at) => {
      if (text(part) !== text(has[at])) put(part, has[at]);
    });
  }

  let last = new Date().toLocaleTimeString();
  async function look() {
    let pause = PAUSE;
    if (!paused && !document.hidden) {
      try {
        const answer = await fetch(location.href, { headers: mark ? { "If-None-Match": mark } : {}, cache: "no-store" });
        if (answer.status === 200) {
          take(await answer.text());
          mark = answer.headers.get("ETag") || "";
        }
        last = new Date().toLocaleTimeString();
        tell();
      } catch {
        tell(last);
        pause = SLOW;
      }
    }
    setTimeout(look, pause);
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) mark = ""; });
  tell();
  setTimeout(look, PAUSE);
})();
