// What pages gain with JavaScript; without it they are whole.

const THEMES = ["auto", "light", "dark"];

// --- the theme ---------------------------------------------------------------------------------------------------
const chosenTheme = () => {
  try { return localStorage.getItem("lockgate-theme") ?? "auto"; } catch { return "auto"; }
};

const useTheme = (theme) => {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of document.querySelectorAll("[data-theme-toggle]")) button.textContent = `Theme: ${theme}`;
  try { localStorage.setItem("lockgate-theme", theme); } catch { /* it holds for this page */ }
};

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  button.hidden = false;
  button.textContent = `Theme: ${chosenTheme()}`;
  button.addEventListener("click", () => useTheme(THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length]));
}

// --- keys: "/" goes to the page's filter ---------------------------------------------------------------------------
document.addEventListener("keydown", (pressed) => {
  const isTyping = pressed.target.closest?.("input, select, textarea, [contenteditable]");
  const filter = document.querySelector("[data-filter], .filters input, .filters select");
  if (pressed.key !== "/" || pressed.ctrlKey || pressed.metaKey || pressed.altKey || isTyping || !filter) return;
  pressed.preventDefault();
  filter.focus();
});

// --- where this is stays in sight where the navigation is a strip
document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// --- durations that go on: <span data-elapsed="12.5">12 s</span> ---------------------------------------------------
const seenAt = new WeakMap();
const lasting = (seconds) => {
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= size) return `${(seconds / size).toFixed(1).replace(".0", "")} ${unit}`;
  }
  return `${Math.floor(seconds)} s`;
};

const tick = () => {
  for (const each of document.querySelectorAll("[data-elapsed]")) {
    if (!seenAt.has(each)) seenAt.set(each, performance.now() - 1000 * Number(each.dataset.elapsed));
    each.textContent = lasting((performance.now() - seenAt.get(each)) / 1000);
  }
};
if (document.querySelector("[data-elapsed], [data-live]")) setInterval(tick, 1000);

// --- live parts: <section data-live="/jobs/ID/live">, sent again by the server whenever it has changed --------------
const said = document.createElement("p");
said.className = "unseen";
said.setAttribute("role", "status");
document.body.append(said);

const stateOf = (part) => ({
  focus: part.contains(document.activeElement) ? document.activeElement.id : "",
  open: [...part.querySelectorAll("details[open][id]")].map((each) => each.id),
  scrolled: [...part.querySelectorAll(".wide")].map((each) => each.scrollLeft),
});

const show = (part, markup) => {
  const before = stateOf(part);
  part.innerHTML = markup;
  for (const id of before.open) part.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  part.querySelectorAll(".wide").forEach((each, place) => { each.scrollLeft = before.scrolled[place] ?? 0; });
  if (before.focus) part.querySelector(`#${CSS.escape(before.focus)}`)?.focus({ preventScroll: true });
  const sentence = part.querySelector("[data-said]")?.dataset.said ?? "";
  if (sentence !== said.textContent) said.textContent = sentence;
};

// Browsers give a server six connections: what nobody looks at gives its own back.
const streams = new Map();
const leave = (part) => { streams.get(part)?.close(); streams.delete(part); };

const watch = (part, failures = 0) => {
  if (document.hidden || streams.has(part) || !part.dataset.live) return;
  const stream = new EventSource(part.dataset.live);
  streams.set(part, stream);
  let failed = failures;
  stream.addEventListener("part", (event) => { failed = 0; show(part, event.data); });
  stream.addEventListener("end", () => {
    leave(part);
    part.removeAttribute("data-live");
    if (part.querySelector("[data-again]")) location.reload(); // what the page waited for is there
  });
  stream.addEventListener("gone", () => { leave(part); location.reload(); });
  stream.addEventListener("error", () => {
    if (stream.readyState !== EventSource.CLOSED) return; // the browser opens it again
    leave(part);
    if (failed >= 10) { said.textContent = "This page is not live any more. Load it again."; return; }
    setTimeout(() => watch(part, failed + 1), Math.min(3000 * 2 ** failed, 30000));
  });
};

const parts = [...document.querySelectorAll("[data-live]")];
const watchAll = () => parts.forEach((part) => watch(part));
const leaveAll = () => parts.forEach(leave);
document.addEventListener("visibilitychange", () => (document.hidden ? leaveAll() : watchAll()));
addEventListener("pagehide", leaveAll);
addEventListener("pageshow", watchAll);
watchAll();
