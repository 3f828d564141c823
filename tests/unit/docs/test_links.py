"""Links between the pages lead somewhere, and the architecture page names what is there."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
OWN = [DOCS / "README.md", DOCS / "architecture.md", DOCS / "operator" / "commands.md", DOCS / "plugins" / "README.md"]
PAGES = [*OWN, *sorted((DOCS / "user").rglob("*.md"))]


def anchors(text: str) -> set[str]:
    """Anchors of the headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.is_file(), target
        assert not anchor or anchor in anchors(found.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_says_for_whom_it_is(page: Path) -> None:
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line]
    assert lines[0].startswith("# ")
    assert lines[1].startswith(("For ", "给"))


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    guides = "".join((DOCS / "user" / name).read_text(encoding="utf-8") for name in ("README.md", "zh-Hans/README.md"))
    for page in PAGES[1:]:
        assert str(page.relative_to(DOCS)) in index or f"]({page.name})" in guides, page


def test_floors_are_those_that_are_checked() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    documented = [re.findall(r"`(\w+)`", row) for row in re.findall(r"^\| \d+ \| (.+) \|$", page, re.MULTILINE)]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    assert documented == [layer.split(" | ") for layer in layers]


def test_folders_and_files_of_the_architecture_page_exist() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    platform = ROOT / "platform" / "trilend"
    for path in re.findall(r"`([a-z_]+/(?:[a-z_]+/)*(?:[a-z_]+\.py)?)`", page):
        assert any((base / path).exists() for base in (ROOT, platform, ROOT / "tests")), path
