/* Behaviour shared by all pages: dialogs, confirmation, toasts, lists of choices, and the token for htmx. */
(function () {
  "use strict";

  const text = (name) => document.body.dataset[name] || "";
  const closest = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

  /* Toasts */
  function toast(message, tone) {
    const note = document.createElement("div");
    note.className = "toast-note toast-" + tone;
    note.setAttribute("data-toast", "");
    note.textContent = message;
    document.getElementById("toasts").append(note);
    fade(note);
  }

  /* One that can be acted upon stays longer, and for as long as somebody is at it. */
  function fade(note) {
    note.dataset.fading = "1";
    const patience = note.hasAttribute("data-undo") ? 20000 : 6000;
    let leaving = window.setTimeout(() => note.remove(), patience);
    for (const kind of ["pointerenter", "focusin"]) note.addEventListener(kind, () => window.clearTimeout(leaving));
    for (const kind of ["pointerleave", "focusout"]) {
      note.addEventListener(kind, () => {
        window.clearTimeout(leaving);
        leaving = window.setTimeout(() => note.remove(), patience);
      });
    }
  }

  document.querySelectorAll("[data-undo]").forEach((note) => {
    document.getElementById("toasts").append(note);
    fade(note);
  });

  new MutationObserver(() => {
    document.querySelectorAll("[data-toast]:not([data-fading])").forEach(fade);
  }).observe(document.getElementById("toasts"), { childList: true });

  /* Dialogs */
  function close(dialog) {
    if (dialog) dialog.close();
  }

  document.addEventListener("click", (event) => {
    const opener = closest(event, "[data-dialog-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialogOpen);
      if (dialog) dialog.showModal();
      return;
    }
    if (closest(event, "[data-dialog-close]")) close(closest(event, "dialog"));
    else if (event.target instanceof HTMLDialogElement) close(event.target);
  });

  /* The page's one confirmation dialog */
  const confirmation = document.getElementById("confirm-dialog");
  let confirmed = null;

  function ask(button, proceed) {
    const go = confirmation.querySelector("[data-confirm-go]");
    confirmation.querySelector("#confirm-dialog-title").textContent = button.dataset.confirmTitle;
    confirmation.querySelector("#confirm-dialog-text").textContent = button.dataset.confirmText || "";
    go.textContent = button.dataset.confirmLabel || go.dataset.defaultLabel;
    go.className = "btn btn-" + (button.dataset.confirmTone || "primary");
    confirmed = proceed;
    confirmation.showModal();
  }

  document.addEventListener("click", (event) => {
    const direct = closest(event, "[data-confirm-action]");
    if (direct) {
      ask(direct, () => {
        const form = confirmation.querySelector("form");
        form.action = direct.dataset.confirmAction;
        HTMLFormElement.prototype.submit.call(form);
      });
      return;
    }
    const button = closest(event, "[data-bulk], button[type=submit][data-confirm-title]");
    if (!button) return;
    const rows = 'input[type="checkbox"][name="rowid"][form="' + button.form.id + '"]:checked';
    if ("bulk" in button.dataset && !document.querySelector(rows)) {
      event.preventDefault();
      toast(text("textNoneSelected"), "warning");
    } else if (button.dataset.confirmTitle && !button.dataset.agreed) {
      event.preventDefault();
      // What is missing is said before anybody is asked.
      if (!button.form.noValidate && !button.form.reportValidity()) return;
      ask(button, () => {
        button.dataset.agreed = "1";
        close(confirmation);
        button.click();
        delete button.dataset.agreed;
      });
    }
  });

  confirmation.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const agreed = confirmed;
    // One press, one act.
    confirmed = null;
    if (agreed) agreed();
  });

  /* Small buttons */
  document.addEventListener("click", (event) => {
    if (closest(event, "[data-go-back]")) window.history.back();
    const dismissed = closest(event, "[data-dismiss]");
    if (dismissed) dismissed.closest(".alert-block").remove();
    const copy = closest(event, "[data-copy]");
    if (copy) {
      navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent.trim())
        .then(() => toast(text("textCopied"), "success"), () => toast(text("textFailed"), "danger"));
    }
  });

  document.addEventListener("change", (event) => {
    const all = closest(event, "[data-check-all]");
    if (all) {
      document.querySelectorAll('input[name="rowid"][form="' + all.dataset.checkAll + '"]').forEach((box) => {
        box.checked = all.checked;
      });
    }
  });

  /* Lists of choices that can be filtered */
  function narrow(list) {
    const filter = list.querySelector("[data-pick-filter]");
    const only = list.querySelector("[data-pick-chosen]");
    const wanted = filter ? filter.value.trim().toLowerCase() : "";
    list.querySelectorAll(".pick-list-choices .form-check").forEach((choice) => {
      const box = choice.querySelector("input");
      choice.hidden = !choice.textContent.toLowerCase().includes(wanted) || (only && only.checked && !box.checked);
    });
    list.querySelector("[data-pick-count]").textContent = list.querySelectorAll(".pick-list-choices input:checked").length;
  }

  ["input", "change"].forEach((kind) => document.addEventListener(kind, (event) => {
    const list = closest(event, "[data-pick-list]");
    if (list) narrow(list);
  }));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && closest(event, "[data-pick-filter]")) event.preventDefault();
  });

  /* Filters: empty ones are not sent; an operator gives its value field the name that the list understands */
  document.addEventListener("submit", (event) => {
    const form = closest(event, "[data-filter-bar]");
    if (!form) return;
    form.querySelectorAll("[data-filter-operator]").forEach((operator) => {
      const value = form.querySelector('[data-filter-value="' + operator.dataset.filterOperator + '"]');
      value.name = operator.value === "" ? "" : "_flt_" + operator.value + "_" + operator.dataset.filterOperator;
    });
    form.querySelectorAll("input, select").forEach((control) => {
      control.disabled = control.value === "" || control.name === "";
    });
    window.setTimeout(() => form.querySelectorAll("input, select").forEach((control) => { control.disabled = false; }), 0);
  });

  /* htmx: the token with every request, a word when one fails, and dialogs that close after theirs */
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector('meta[name="csrf-token"]');
    if (token) event.detail.headers["X-CSRFToken"] = token.content;
  });
  document.addEventListener("htmx:responseError", (event) => {
    const answer = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
    const message = answer.querySelector("[data-error-message]");
    toast(message ? message.textContent.trim() : text("textFailed"), "danger");
  });
  document.addEventListener("htmx:sendError", () => toast(text("textOffline"), "danger"));
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful && event.detail.elt.hasAttribute("data-close-after")) {
      close(event.detail.elt.closest("dialog"));
      event.detail.elt.reset();
    }
  });

  const first = document.querySelector("[data-focus-first]");
  if (first) {
    // Who came by the skip link has #main in the address, which would take the focus away again.
    window.history.replaceState(null, "", window.location.pathname + window.location.search);
    first.focus();
  }

  /* Buttons that wait until something has been read; the server keeps the time as well */
  document.querySelectorAll("[data-enable-after]").forEach((button) => {
    window.setTimeout(() => button.removeAttribute("disabled"), 1000 * Number(button.dataset.enableAfter) + 500);
  });
})();
