"""The user guides name pages and buttons exactly as the product does, and say the same in both languages."""

import re
import unicodedata
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from trilend_microfinance.importing.service import _FEWEST_ALIKE, _SHARE_ALIKE
from trilend_microfinance.importing.workbook import COLUMNS, REASON
from trilend_sdk.manifest import Manifest

ROOT = Path(__file__).parents[3]
USER = ROOT / "docs" / "user"
PAGES = ("README.md", "admin.md", "officer.md", "approver.md", "cashier.md", "auditor.md", "everyday.md")
FOLDERS = {"zh_Hans": USER / "zh-Hans", "en": USER}
CATALOGUES = [ROOT / "platform" / "trilend", ROOT / "tenants" / "trilend_microfinance"]
_PLACE = re.compile(r"%\(\w+\)[sd]")


def shown(text: str) -> str:
    """A text as a page shows it, with an ellipsis for what is filled in."""
    return _PLACE.sub("…", text).replace("%%", "%")


@cache
def catalogue_names(language: str) -> set[str]:
    """Every text of the interface in a language."""
    names: set[str] = set()
    for folder in CATALOGUES:
        with (folder / "translations" / "zh_Hans" / "LC_MESSAGES" / "messages.po").open("rb") as file:
            for message in read_po(file):
                text = message.id if language == "en" else message.string
                names |= {shown(part) for part in ((text,) if isinstance(text, str) else text)}
    return names - {""}


@cache
def manifest_names(language: str) -> set[str]:
    """What bundled plugins and the fields of their connections are called."""
    names: set[str] = set()
    for path in (ROOT / "integrations").glob("*/plugin.toml"):
        manifest = Manifest.read(path)
        fields = [field["x-labels"][language] for field in manifest.config_schema["properties"].values()]
        secrets = [secret.labels.for_locale(language) for secret in manifest.secrets]
        names |= {manifest.labels.for_locale(language), *fields, *secrets}
    return names


def page(language: str, name: str) -> str:
    return (FOLDERS[language] / name).read_text(encoding="utf-8")


def bold(text: str) -> list[str]:
    return re.findall(r"\*\*(.+?)\*\*", text)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", ["zh_Hans", "en"])
def test_every_name_in_bold_is_one_of_the_product(language: str, name: str) -> None:
    known = catalogue_names(language) | manifest_names(language) | {"粗体", "bold"}
    assert [quoted for quoted in bold(page(language, name)) if quoted not in known] == []


@pytest.mark.parametrize("name", PAGES)
def test_the_two_languages_name_the_same_things(name: str) -> None:
    assert len(bold(page("zh_Hans", name))) == len(bold(page("en", name)))


def shape(text: str) -> list[str]:
    """What a page consists of: levels of headings, steps, points and rows, in order."""
    marks = re.findall(r"^(#+|\d+\.|-|\|)(?= ?\S)", text, re.MULTILINE)
    return [mark for mark in marks if mark]


@pytest.mark.parametrize("name", PAGES)
def test_the_two_languages_have_the_same_steps(name: str) -> None:
    assert shape(page("zh_Hans", name)) == shape(page("en", name))


@pytest.mark.parametrize("name", PAGES)
def test_bold_closes_where_chinese_follows(name: str) -> None:
    """Markdown leaves `**（a）**字` open: after a bracket the mark needs a space or punctuation behind it."""
    wrong = []
    for before, after in re.findall(r"(?:\*\*[^*\n]*?)(.)\*\*(.)", page("zh_Hans", name)):
        if unicodedata.category(before).startswith("P") and unicodedata.category(after).startswith(("L", "N")):
            wrong.append(before + "**" + after)
    assert wrong == []


@pytest.mark.parametrize("language", ["zh_Hans", "en"])
def test_the_columns_of_the_workbook_are_those_that_are_read(language: str) -> None:
    text = page(language, "officer.md")
    assert tuple(re.findall(r"^\| `(.+?)` \|", text, re.MULTILINE)) == COLUMNS
    assert f"`{REASON}`" in text
    assert (_FEWEST_ALIKE, _SHARE_ALIKE) == (20, 0.9)
