// Loads the page again when the record has changed. Nothing that a person types is lost: the page then says that it is old.
'use strict';
(() => {
  const main = document.getElementById('main');
  const stale = document.getElementById('stale');
  let shown = document.body.dataset.version;
  let edited = false;
  let loading = false;
  main.addEventListener('input', () => { edited = true; });

  const load = async () => {
    if (loading) return;
    loading = true;
    try {
      const answer = await fetch(location.href, { cache: 'no-store' });
      // The session has ended.
      if (answer.redirected) return location.reload();
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      shown = page.body.dataset.version;
      document.title = page.title;
      const next = page.getElementById('main');
      const changed = next.textContent !== main.textContent;
      if (edited || main.contains(document.activeElement)) {
        stale.hidden = stale.hidden && !changed;
        return;
      }
      const name = (details) => details.querySelector('summary').textContent;
      const open = new Set([...main.querySelectorAll('details[open]')].map(name));
      main.replaceChildren(...next.childNodes);
      main.querySelectorAll('details').forEach((details) => { details.open = open.has(name(details)); });
    } finally {
      loading = false;
    }
  };

  new EventSource('/console/events').addEventListener('version', (event) => {
    if (event.data && event.data !== shown) load();
  });
  // A form that says so is tried while a person fills it in: it shows what would be recorded, or why it is refused.
  const parts = (html) => {
    const page = new DOMParser().parseFromString(html, 'text/html').getElementById('main');
    const lines = [...page.querySelectorAll('section li, section p')].map((line) => line.textContent);
    return [page.querySelector('h1').textContent, ...lines];
  };
  let waits;
  main.addEventListener('input', (event) => {
    const form = event.target.closest('form[data-check]');
    if (!form) return;
    clearTimeout(waits);
    waits = setTimeout(async () => {
      const said = form.querySelector('output');
      if (!form.checkValidity()) return said.replaceChildren();
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.getAttribute('action'), { method: 'POST', body });
      const line = (text) => Object.assign(document.createElement('p'), { textContent: text });
      said.replaceChildren(...parts(await answer.text()).map(line));
      said.className = answer.ok ? 'checked' : 'checked urgent';
    }, 500);
  });

  // What samples change is not in the record.
  const seconds = Number(document.body.dataset.refresh);
  if (seconds) setInterval(() => { if (!document.hidden) load(); }, seconds * 1000);
})();
