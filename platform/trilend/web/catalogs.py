"""Keeps the message catalogues: `python -m trilend.web.catalogs update|check|compile` at the root of the repository.

Messages are English in the code; Simplified Chinese is translated by hand; Traditional Chinese is derived from it.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HAND_WRITTEN = "zh_Hans"
DERIVED = "zh_Hant_HK"

_TEMPLATES = ("**/templates/**.html", "**/templates/**.txt", "**/templates/**.svg")
_METHODS = [("**.py", "python"), *((pattern, "jinja2") for pattern in _TEMPLATES)]
_OPTIONS = {pattern: {"silent": "false"} for pattern in _TEMPLATES}
_KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "_l": None,
    "lazy_gettext": None,
    "lazy_ngettext": (1, 2),
    "lazy_pgettext": ((1, "c"), 2),
    "marked": None,
    "marked_plural": (1, 2),
}
# A date of its own in each catalogue would make every update touch every file.
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)

# Where Hong Kong writes other characters or says other words than OpenCC gives, in the order in which they apply.
EXCEPTIONS_FILE = Path(__file__).parent.parent / "translations" / DERIVED / "exceptions.tsv"


def packages(root: Path) -> list[Path]:
    """The packages that have texts: the platform and every kind of tenant."""
    return [root / "platform" / "trilend", *sorted(path for path in (root / "tenants").glob("trilend_*"))]


def catalogue_file(package: Path, language: str) -> Path:
    """Where a package keeps its catalogue of a language."""
    return package / "translations" / language / "LC_MESSAGES" / "messages.po"


def extract(package: Path) -> Catalog:
    """The messages in a package's code and templates."""
    catalogue = _empty()
    found = extract_from_dir(str(package), method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS)
    for file, _, message, comments, context in found:
        place = f"{package.name}/{Path(file).as_posix()}"
        catalogue.add(message, locations=[(place, 0)], auto_comments=comments, context=context)
    return catalogue


def update(package: Path) -> None:
    """Brings a package's two catalogues up to its code; translations already made stay."""
    template = extract(package)
    if not len(template):
        return
    simplified = _read(catalogue_file(package, HAND_WRITTEN), HAND_WRITTEN)
    simplified.update(template, no_fuzzy_matching=True, update_header_comment=False)
    simplified.obsolete.clear()
    _write(catalogue_file(package, HAND_WRITTEN), simplified)
    _write(catalogue_file(package, DERIVED), traditional(simplified))


def faults(package: Path) -> list[str]:
    """Each message of a package that a Chinese reader would not see right, with the reason."""
    template = extract(package)
    simplified = _read(catalogue_file(package, HAND_WRITTEN), HAND_WRITTEN)
    derived = _read(catalogue_file(package, DERIVED), DERIVED)
    expected = traditional(simplified)
    return [
        f"{package.name}: {fault}: {message.id!r} ({_places(message)})"
        for message in _messages(template)
        if (fault := _fault(message, simplified, derived, expected))
    ]


def traditional(simplified: Catalog) -> Catalog:
    """The Traditional Chinese catalogue that follows from a Simplified one."""
    # Needed where catalogues are kept, not where pages are served.
    from opencc import OpenCC

    converter, local_words = OpenCC("s2hk"), exceptions()

    def convert(text: str) -> str:
        converted = str(converter.convert(text))
        for usual, local in local_words:
            converted = converted.replace(usual, local)
        return converted

    derived = _empty(DERIVED)
    for message in _messages(simplified):
        text = message.string
        converted = convert(text) if isinstance(text, str) else tuple(convert(form) for form in text or ())
        derived.add(message.id, converted, locations=message.locations, flags=message.flags, context=message.context)
    return derived


def exceptions() -> list[tuple[str, str]]:
    """What OpenCC gives and what is written instead, in order."""
    lines = EXCEPTIONS_FILE.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return [(usual, local) for usual, local in pairs]


def compile_catalogues(package: Path) -> int:
    """Writes the binary catalogues beside a package's text ones; returns how many.

    Each is put in place whole: a server that starts meanwhile reads the old one or the new one.
    """
    sources = sorted((package / "translations").glob("*/LC_MESSAGES/*.po"))
    for source in sources:
        waiting = source.with_suffix(f".{os.getpid()}.part")
        with waiting.open("wb") as binary:
            write_mo(binary, _read(source, source.parts[-3]))
        waiting.replace(source.with_suffix(".mo"))
    return len(sources)


@click.group(help=__doc__)
def main() -> None:
    """The command group."""


_root = click.option("--root", type=click.Path(path_type=Path, exists=True), default=".", help="The repository's root.")


@main.command("update")
@_root
def update_command(root: Path) -> None:
    """Bring all catalogues up to the code."""
    for package in packages(root):
        update(package)


@main.command("check")
@_root
def check_command(root: Path) -> None:
    """Fail naming every message that is missing, untranslated, fuzzy or stale."""
    found = [fault for package in packages(root) for fault in faults(package)]
    for fault in found:
        click.echo(fault, err=True)
    if found:
        raise click.exceptions.Exit(1)


@main.command("compile")
@_root
def compile_command(root: Path) -> None:
    """Write the binary catalogues that the server reads."""
    click.echo(sum(compile_catalogues(package) for package in packages(root)))


def _empty(language: str | None = None) -> Catalog:
    return Catalog(
        locale=language,
        project="Trilend",
        version="1",
        header_comment="# Messages of Trilend.",
        msgid_bugs_address="Trilend",
        creation_date=_NO_DATE,
        revision_date=_NO_DATE,
        last_translator="Trilend",
        language_team="Trilend",
        fuzzy=False,
    )


def _read(file: Path, language: str) -> Catalog:
    if not file.is_file():
        return _empty(language)
    with file.open("rb") as stored:
        catalogue = read_po(stored, locale=language)
    fresh = _empty(language)
    for message in _messages(catalogue):
        fresh[message.id] = message
    return fresh


def _write(file: Path, catalogue: Catalog) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stored:
        write_po(stored, catalogue, width=0, sort_by_file=True, include_lineno=False)


def _messages(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def _places(message: Message) -> str:
    return ", ".join(sorted({place for place, _ in message.locations}))


def _fault(message: Message, simplified: Catalog, derived: Catalog, expected: Catalog) -> str | None:
    translated = simplified.get(message.id, message.context)
    if translated is None:
        return "not in the catalogue, run update"
    if not _complete(translated.string):
        return "untranslated"
    if translated.fuzzy:
        return "fuzzy"
    if any(True for _ in translated.check()):
        return "placeholders differ"
    made = derived.get(message.id, message.context)
    due = expected.get(message.id, message.context)
    if made is None or due is None or made.string != due.string:
        return "Traditional Chinese is stale, run update"
    return None


def _complete(text: str | Sequence[str] | None) -> bool:
    return bool(text) and all(text or ())


if __name__ == "__main__":
    main()
