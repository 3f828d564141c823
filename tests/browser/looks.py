"""What must hold of any page as it stands in a browser: accessible, no wider than its window, focus to be seen."""

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

_AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
# Rows of a table are alike, and what is around a page is the same on all of them: neither is read again and again.
_ALIKE = [["tbody tr:nth-child(n+6)"], [".pick-list-choices label:nth-child(n+6)"]]
_AROUND = [[".side"], [".top-bar"], ["#shortcuts"], ["#confirm-dialog"]]
_FIND = """async (left_out) => {
  const {violations} = await axe.run({exclude: left_out}, {resultTypes: ["violations"],
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]});
  return violations.filter((each) => ["serious", "critical"].includes(each.impact)).map((each) =>
    `${each.id}: ` + each.nodes.slice(0, 4).map((node) => `${node.target.join(" ")} (${node.any[0]?.message || node.html.slice(0, 120)})`).join("; "));
}"""
_FOCUS = """() => {
  const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
  return {name: `${at.tagName.toLowerCase()} ${at.getAttribute("aria-label") || at.name || at.textContent.trim().slice(0, 40)}`,
    body: at === document.body, outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.width > 0 && box.height > 0};
}"""


@cache
def _axe() -> str:
    return _AXE.read_text(encoding="utf-8")


def findings(page: Page, *, with_frame: bool = True) -> list[str]:
    """What axe finds on the page that is serious or critical; without its frame only of what is the page's own."""
    page.evaluate(_axe())
    return list(page.evaluate(_FIND, _ALIKE if with_frame else _ALIKE + _AROUND))


def overhang(page: Page) -> int:
    """By how much the page is wider than its window (pixels)."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def unseen_focus(page: Page, steps: int) -> list[str]:
    """Of the first places that Tab reaches, those on which the focus cannot be seen."""
    lost = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        place = page.evaluate(_FOCUS)
        if place["body"]:
            break
        if not (place["outlined"] and place["seen"]):
            lost.append(place["name"])
    return lost
