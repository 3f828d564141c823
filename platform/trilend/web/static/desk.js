/* The search box, choosing rows of lists, and the questions before acts on many rows. */
(function () {
  "use strict";

  const closest = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

  /* Search: arrows go through what was found, Escape leaves, and what is shown belongs to what is entered */
  const box = document.querySelector("[data-search-box]");
  if (box) {
    const input = box.querySelector("input");
    const found = box.querySelector(".search-hits");
    const hits = () => Array.from(found.querySelectorAll("[data-search-hit]"));

    const clear = () => { found.textContent = ""; };

    box.addEventListener("keydown", (event) => {
      const all = hits();
      const at = all.indexOf(document.activeElement);
      if (event.key === "ArrowDown" && all.length) {
        event.preventDefault();
        all[Math.min(at + 1, all.length - 1)].focus();
      } else if (event.key === "ArrowUp" && all.length) {
        event.preventDefault();
        if (at <= 0) input.focus();
        else all[at - 1].focus();
      } else if (event.key === "Escape") {
        clear();
        input.focus();
      } else if (event.key === "Enter" && event.target === input && all.length === 1) {
        event.preventDefault();
        all[0].click();
      }
    });
    input.addEventListener("input", () => { if (!input.value.trim()) clear(); });
    document.addEventListener("click", (event) => { if (!closest(event, "[data-search-box]")) clear(); });
    box.addEventListener("focusout", (event) => {
      if (event.relatedTarget instanceof Element && !box.contains(event.relatedTarget)) clear();
    });
    // An answer that comes after its question was changed is not shown.
    box.addEventListener("htmx:beforeSwap", (event) => {
      const asked = new URLSearchParams(event.detail.pathInfo.requestPath.split("?")[1] || "").get("q");
      if (asked !== null && asked.trim() !== input.value.trim()) event.detail.shouldSwap = false;
    });
  }

  /* Lists: all rows of the page */
  document.addEventListener("change", (event) => {
    const all = closest(event, "[data-choose-all]");
    if (all) document.querySelectorAll('input[name="chosen"]').forEach((row) => { row.checked = all.checked; });
  });

  /* Before an act: how many it is for, and how many of the chosen stay as they are */
  document.addEventListener("click", (event) => {
    const opener = closest(event, "[data-act]");
    if (!opener) return;
    const act = opener.dataset.act;
    const dialog = document.getElementById(opener.dataset.dialogOpen);
    const chosen = Array.from(document.querySelectorAll('input[name="chosen"]:checked'));
    const fitting = chosen.filter((row) => row.dataset.acts.split(" ").includes(act));
    say(dialog.querySelector("[data-act-some]"), fitting.length, fitting.length > 0);
    say(dialog.querySelector("[data-act-others]"), chosen.length - fitting.length, chosen.length > fitting.length);
    say(dialog.querySelector("[data-act-none]"), 0, chosen.length === 0);
    const go = dialog.querySelector("[data-act-go]");
    go.disabled = fitting.length === 0;
    go.onclick = () => chosen.forEach((row) => { row.checked = fitting.includes(row); });
  });

  function say(line, count, shown) {
    if (!line.dataset.words) line.dataset.words = line.textContent;
    line.textContent = line.dataset.words.replace("{count}", String(count));
    line.hidden = !shown;
  }
})();
