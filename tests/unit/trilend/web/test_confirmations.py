"""Acts that cannot be taken back ask first, all in the same way, and say what will happen."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
TEMPLATES = sorted(
    file
    for root in ("platform/trilend", "tenants")
    for file in (ROOT / root).rglob("templates/**/*.html")
    if "gallery" not in file.parts
)
# Endpoints whose act ends, pays, sends away or takes in something for good.
FINAL = re.compile(
    r"url_for\([\"'](\w*\.(?:off|revoke|remove|give_up|discard|delete|announce|reject|suspend|settle|move_to_\w+|"
    r"bring_back|disburse|retry|approve|refuse|aside|close)|\w+\.delete)[\"']"
)
# Trying work again does again what was ordered once; it asks nobody.
EXCUSED = frozenset({"fleet.retry"})
FORM = re.compile(r"<form\b[^>]*method=\"post\".*?</form>", re.S)


def unasked(template: str) -> list[str]:
    """Final acts that a form of the template sends by a plain button."""
    found = []
    for form in FORM.findall(template):
        opening = form[: form.index(">", form.index("action=")) + 1] if "action=" in form else ""
        if "ui.ask(" not in form:
            found += [endpoint for endpoint in FINAL.findall(opening) if endpoint not in EXCUSED]
    return found


def test_final_acts_ask_first() -> None:
    assert len(TEMPLATES) > 60
    wrong = []
    for file in TEMPLATES:
        text = file.read_text(encoding="utf-8")
        wrong += [(file.name, endpoint) for endpoint in unasked(text)]
        for button in re.findall(r"<button\b[^>]*btn-(?:outline-)?danger[^>]*>", text):
            if "ui.ask(" not in button and "data-" not in button and file.name != "feedback.html":
                wrong.append((file.name, button))
    assert wrong == []


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            """<form method="post" action="{{ url_for('Loans.close', id=1) }}"><button>x</button></form>""",
            ["Loans.close"],
        ),
        (
            """<form method="post" action="{{ url_for('Loans.close') }}"><button {{ ui.ask("a", "b") }}>x</button></form>""",
            [],
        ),
        ("""<form method="post" action="{{ url_for('Loans.add') }}"><button>x</button></form>""", []),
        ("""{{ ui.confirm_dialog("x", "y", "z", "w", url_for("Loans.close")) }}""", []),
    ],
)
def test_act_that_does_not_ask_is_found(template: str, expected: list[str]) -> None:
    assert unasked(template) == expected


def test_payment_asks_first() -> None:
    page = (ROOT / "tenants/trilend_microfinance/templates/microfinance/disburse.html").read_text(encoding="utf-8")
    assert "ui.ask(" in page
