/* Forms: a long one is kept as a draft, leaving with unsaved entries is asked about, and nothing is sent twice. */

const text = (name) => document.body.dataset[name] || "";
const token = () => document.querySelector('meta[name="csrf-token"]')?.content || "";
const DRAFT_PAUSE = 1500;
const SENDING_AT_MOST = 15000;

/* Passwords and files are nobody's draft; the rest is what a person has typed or chosen. */
function entriesOf(form) {
  return [...new FormData(form)].filter(([name, value]) => {
    const control = form.elements.namedItem(name);
    return typeof value === "string" && name !== "csrf_token" && !name.startsWith("_") && control?.type !== "password";
  });
}

function isEntered(form) {
  const kinds = 'input:not([type="hidden"]):not([type="checkbox"][name="rowid"]), textarea, select';
  return !form.closest("dialog") && form.querySelectorAll(kinds).length > 1;
}

/* A notice like those of the server, with a button */
function notice(message, label, act) {
  const block = document.createElement("div");
  const words = document.createElement("p");
  const button = document.createElement("button");
  block.className = "alert-block alert-info";
  block.setAttribute("role", "status");
  block.setAttribute("data-draft-notice", "");
  words.className = "alert-text";
  words.textContent = message;
  button.type = "button";
  button.className = "btn btn-sm";
  button.textContent = label;
  button.addEventListener("click", () => { act(); block.remove(); });
  block.append(words, button);
  return block;
}

class Draft {
  constructor(form) {
    this.form = form;
    this.url = form.querySelector("[data-draft]").dataset.draft;
    this.saving = null;
    this.timer = 0;
    this.kept = document.createElement("span");
    this.kept.className = "draft-kept";
    this.kept.setAttribute("role", "status");
    form.querySelector(".form-actions")?.append(this.kept);
  }

  /* Changed entries are sent when the person pauses. */
  changed() {
    this.kept.textContent = "";
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.save(), DRAFT_PAUSE);
  }

  get isWaiting() {
    return this.timer !== 0;
  }

  save(leaving = false) {
    window.clearTimeout(this.timer);
    this.timer = 0;
    const sent = fetch(this.url, {
      method: "PUT",
      keepalive: leaving,
      headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
      body: JSON.stringify(entriesOf(this.form)),
    }).then((answer) => { if (answer.ok) this.kept.textContent = text("textDraftKept"); }, () => {});
    this.saving = sent.finally(() => { this.saving = null; });
    return this.saving;
  }

  stop() {
    window.clearTimeout(this.timer);
    this.timer = 0;
  }

  async restore() {
    // A page that shows what is wrong with an entry shows the entry too.
    if (this.form.querySelector(".is-invalid, .form-error")) return;
    const answer = await fetch(this.url, { headers: { Accept: "application/json" } });
    if (answer.status !== 200) return;
    const draft = await answer.json();
    if (this.isWaiting) return;
    fill(this.form, draft.entries);
    const message = text("textDraftBack").replace("{when}", draft.saved_at);
    this.form.before(notice(message, text("textDraftDrop"), () => this.drop()));
  }

  drop() {
    this.stop();
    fetch(this.url, { method: "DELETE", headers: { "X-CSRFToken": token() } });
    this.form.reset();
    this.form.dataset.before = JSON.stringify(entriesOf(this.form));
    this.form.querySelector("input:not([type=hidden]), select, textarea")?.focus();
  }
}

function fill(form, entries) {
  const values = new Map();
  for (const [name, value] of entries) values.set(name, [...(values.get(name) || []), value]);
  for (const control of form.elements) {
    if (!control.name || ["hidden", "password", "file", "submit", "button"].includes(control.type)) continue;
    const given = values.get(control.name);
    if (control.type === "checkbox" || control.type === "radio") control.checked = (given || []).includes(control.value);
    else if (control instanceof HTMLSelectElement) {
      for (const option of control.options) option.selected = (given || []).includes(option.value);
    } else if (given) control.value = given[0];
    control.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

/* A draft came back with the page: what is there now is what is unsaved, but it is kept. */
const drafts = new Map();
const watched = new Set();

for (const form of document.querySelectorAll('main form[method="post"]')) {
  if (!isEntered(form)) continue;
  watched.add(form);
  form.dataset.before = JSON.stringify(entriesOf(form));
  if (form.querySelector("[data-draft]")) {
    const draft = new Draft(form);
    drafts.set(form, draft);
    draft.restore().catch(() => {});
  }
}

function isChanged(form) {
  return !form.dataset.sending && JSON.stringify(entriesOf(form)) !== form.dataset.before;
}

document.addEventListener("input", (event) => {
  if (event.isTrusted) drafts.get(event.target.form)?.changed();
});
document.addEventListener("change", (event) => {
  if (event.isTrusted) drafts.get(event.target.form)?.changed();
});

window.addEventListener("beforeunload", (event) => {
  for (const form of watched) {
    const draft = drafts.get(form);
    // A draft that is kept is not lost by leaving; one that waits for a pause is sent on the way out.
    if (draft?.isWaiting && !form.dataset.sending) draft.save(true);
    else if (!draft && isChanged(form)) event.preventDefault();
  }
});

/* One press, one request */
function hold(form, submitter) {
  form.dataset.sending = "1";
  const buttons = [...form.elements].filter((control) => control.type === "submit");
  const spoken = submitter && !submitter.classList.contains("btn-icon") ? submitter : null;
  const label = [...(spoken?.childNodes || [])];
  // Not at once: a button that is disabled sends neither its form nor its own value.
  window.setTimeout(() => {
    for (const button of buttons) button.disabled = true;
    spoken?.replaceChildren(text("textSending"));
  }, 0);
  const release = () => {
    delete form.dataset.sending;
    for (const button of buttons) button.disabled = false;
    spoken?.replaceChildren(...label);
  };
  // Who comes back to the page, or got a file instead of a page, can press again.
  window.addEventListener("pageshow", (event) => { if (event.persisted) release(); }, { once: true });
  window.setTimeout(release, SENDING_AT_MOST);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.dataset.sending) {
    event.preventDefault();
    return;
  }
  const draft = drafts.get(form);
  if (draft?.saving) {
    // A draft that arrives after its form would come back.
    event.preventDefault();
    draft.saving.finally(() => form.requestSubmit(event.submitter));
    return;
  }
  draft?.stop();
  hold(form, event.submitter);
});
