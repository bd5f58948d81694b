// Makes the console live. Every page works without it: it only saves clicks.
"use strict";

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Buttons that need a script show only where there is one.
for (const button of all("[data-copies], [data-opens]")) button.hidden = false;

// Copies the text of a field.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    field.select();
    document.execCommand("copy");
  }
  const before = button.textContent;
  button.textContent = button.dataset.done;
  setTimeout(() => { button.textContent = before; }, 1500);
});

// Opens a dialog.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-opens]");
  if (button) document.getElementById(button.dataset.opens).showModal();
});

// Asks before something that cannot be taken back.
document.addEventListener("submit", (event) => {
  const asked = event.submitter?.dataset.sure ?? event.target.dataset.sure;
  if (asked && !window.confirm(asked)) event.preventDefault();
});

// One menu at a time, and none after a click elsewhere or Escape.
document.addEventListener("click", (event) => {
  for (const menu of all("details.pick[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// Where we are is in view in a menu that scrolls.
for (const here of all(".side [aria-current], .tabs [aria-current]")) {
  const list = here.closest("ul, nav");
  list.scrollLeft = here.offsetLeft - list.offsetLeft - (list.clientWidth - here.offsetWidth) / 2;
}

// A page that came back with problems begins there.
one("[data-focus]")?.focus();

// Rows are moved over with j and k, and opened with Enter.
const rows = () => all("tbody tr[data-row]");
let at = -1;
function move(step) {
  const found = rows();
  if (!found.length) return;
  at = Math.min(Math.max(at + step, 0), found.length - 1);
  found.forEach((row, index) => row.setAttribute("aria-selected", String(index === at)));
  found[at].scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of all("details.pick[open]")) menu.open = false;
  const typing = event.target.closest("input, textarea, select, [contenteditable], dialog[open]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const field = one("#list-search") ?? one("#find");
    if (field) { event.preventDefault(); field.focus(); }
  } else if (event.key === "n") {
    const link = one("[data-new]");
    if (link) { event.preventDefault(); link.click(); }
  } else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "?") one("#shortcuts")?.showModal();
  else if (event.key === "Enter" && at >= 0) one("a", rows()[at])?.click();
});

// Sends a form and puts the named part of the answer in place of ours.
async function refresh(form, part) {
  const target = document.getElementById(part);
  if (!target) return;
  refresh.running?.abort();
  const running = new AbortController();
  refresh.running = running;
  // A field may be called as a property of the form is.
  const post = (form.getAttribute("method") ?? "get").toLowerCase() === "post";
  const address = form.getAttribute("action") ?? window.location.pathname;
  const data = new URLSearchParams(new FormData(form));
  try {
    const answer = await fetch(post ? address : `${address.split("?")[0]}?${data}`, {
      method: post ? "POST" : "GET",
      body: post ? data : undefined,
      headers: { "x-part": part },
      signal: running.signal,
    });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(part);
    if (fresh) { target.replaceWith(fresh); at = -1; }
  } catch (error) {
    if (error.name !== "AbortError") console.warn(error);
  }
}

// A form with data-live is sent while it is being filled in: lists that search as one types, and "this looks like …".
for (const form of all("form[data-live]")) {
  let pause;
  const soon = (event) => {
    if (event.target.closest("[data-still]")) return;
    clearTimeout(pause);
    pause = setTimeout(() => refresh(form, form.dataset.live), 180);
  };
  form.addEventListener("input", soon);
}

// A part with data-ask is kept fresh by another form's values, sent to its own address.
for (const part of all("[data-ask]")) {
  const form = part.closest("form") ?? document.getElementById(part.dataset.of);
  let pause;
  form?.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(async () => {
      const answer = await fetch(part.dataset.ask, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { "x-part": part.id },
      });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(part.id);
      if (fresh) part.replaceChildren(...fresh.childNodes);
    }, 250);
  });
}

// Progress comes as server-sent events; each event is the part as HTML.
for (const part of all("[data-events]")) {
  const source = new EventSource(part.dataset.events);
  source.addEventListener("part", (event) => {
    const page = new DOMParser().parseFromString(event.data, "text/html");
    part.replaceChildren(...page.body.childNodes);
  });
  source.addEventListener("end", () => { source.close(); window.location.replace(window.location.pathname); });
}

// "Select all" of a table.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-all]")) return;
  for (const box of all(`input[name="${event.target.dataset.all}"]`)) box.checked = event.target.checked;
});

// A file that was chosen is looked at at once: its first bytes go to the server, which answers with its columns. The sheet that
// comes back gets the file, so that it is chosen once.
for (const form of all("form[data-looks]")) {
  const chosen = one("input[type=file]", form);
  const look = async () => {
    const file = chosen.files[0];
    if (!file) return;
    const data = new FormData(form);
    data.set("file", file.slice(0, 65536), "file");
    const answer = await fetch(form.action, { method: "POST", body: data, headers: { "x-part": form.dataset.looks } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(form.dataset.looks);
    if (!fresh) return;
    document.getElementById(form.dataset.looks).replaceWith(fresh);
    const place = one("input[type=file]", fresh);
    if (!place) return;
    place.files = chosen.files;
    one("[data-chosen]", fresh).hidden = true;
  };
  form.addEventListener("change", look);
  form.addEventListener("submit", (event) => { event.preventDefault(); look(); });
}
