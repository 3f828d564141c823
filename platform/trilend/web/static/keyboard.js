/* Keys for those who work all day: `?` lists them, `/` searches, `g` and a letter goes somewhere, `j` and `k` walk a list. */

const SWITCH = "trilend-shortcuts";
const SECOND_KEY_WITHIN = 1500;
const overlay = document.getElementById("shortcuts");
const onOff = overlay?.querySelector("[data-shortcuts-on]");
let going = 0;

const isOn = () => window.localStorage.getItem(SWITCH) !== "off";

function isTyping(target) {
  return target instanceof Element && target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]") !== null;
}

function searchBox() {
  return document.querySelector("[data-search-focus]") || document.querySelector('main [role="search"] input:not([type=hidden])');
}

/* Rows are walked by what opens them; a row without a link is walked by its first control. */
function walk(step) {
  const rows = [...document.querySelectorAll("main .data-table tbody tr")].filter((row) => row.querySelector("a[href], button, input"));
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1);
  (rows[next].querySelector("a[href]") || rows[next].querySelector("button, input")).focus();
}

function select() {
  const row = document.activeElement?.closest("main .data-table tbody tr");
  row?.querySelector('input[type="checkbox"]')?.click();
}

function go(letter) {
  document.querySelector(`.side-nav [data-go-key="${CSS.escape(letter)}"]`)?.click();
}

const KEYS = {
  "?": () => overlay.showModal(),
  "/": () => searchBox()?.focus(),
  j: () => walk(1),
  k: () => walk(-1),
  x: select,
  g: () => { going = Date.now(); },
};

if (overlay) {
  onOff.checked = isOn();
  onOff.addEventListener("change", () => window.localStorage.setItem(SWITCH, onOff.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]") || !(isOn() || event.key === "?")) return;
    const letter = event.key;
    const second = Date.now() - going < SECOND_KEY_WITHIN;
    going = 0;
    if (second && /^[a-z]$/.test(letter)) go(letter);
    else if (Object.hasOwn(KEYS, letter)) KEYS[letter]();
    else return;
    event.preventDefault();
  });
}

/* The drawer of a phone: everything behind it waits, Escape and the ground beside it close it. */
const toggle = document.querySelector("[data-side-toggle]");
const behind = document.querySelector(".work");
const narrow = window.matchMedia("(max-width: 61.98rem)");

function setDrawer(open) {
  document.body.classList.toggle("side-open", open);
  toggle.setAttribute("aria-expanded", String(open));
  behind.inert = open;
}

if (toggle) {
  toggle.addEventListener("click", () => {
    const open = !document.body.classList.contains("side-open");
    setDrawer(open);
    if (open) document.querySelector(".side-nav a")?.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !document.body.classList.contains("side-open")) return;
    setDrawer(false);
    toggle.focus();
  });
  document.addEventListener("click", (event) => {
    if (document.body.classList.contains("side-open") && !event.target.closest(".side")) setDrawer(false);
  });
  narrow.addEventListener("change", () => setDrawer(false));
}
