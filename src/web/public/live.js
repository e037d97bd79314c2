// Keeps an open page up to date. Without this script the page loads itself again.
"use strict";
(() => {
  const reader = Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const local = () => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      time.title = `${reader.format(new Date(time.dateTime))} (${zone})`;
    }
  };
  let version = document.documentElement.dataset.version;
  const load = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = document.querySelector("main");
    const then = fresh.querySelector("main");
    if (!now || !then) return;
    const open = [...now.querySelectorAll("details[open][id]")].map((d) => d.id);
    const sentence = now.querySelector("h1")?.textContent;
    now.replaceWith(then);
    document.title = fresh.title;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    const said = then.querySelector("h1")?.textContent;
    if (said && said !== sentence) document.getElementById("said").textContent = said;
    local();
  };
  const soon = () => load().catch(() => {});
  local();
  if (window.EventSource) {
    const events = new EventSource("/events");
    events.addEventListener("version", (event) => {
      if (event.data === version) return;
      const first = version === undefined;
      version = event.data;
      if (!first) soon();
    });
    events.onopen = () => document.documentElement.classList.add("live");
    events.onerror = () => document.documentElement.classList.remove("live");
  }
  // While the stream is away, and so that "as of" moves on.
  setInterval(soon, 60000);
})();
