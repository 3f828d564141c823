"""The words by which names and numbers are found, and the condition for what was entered."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import product
from types import ModuleType

from sqlalchemy import ColumnElement, cast, literal
from sqlalchemy.dialects.postgresql import TSQUERY

from trilend.search.models import SearchEntry
from trilend.storage.sealed import blind_index

LONGEST = 40
_ENDS = 40
_READINGS = 4
_TAIL = 4
_DIGEST = 24
_CJK = re.compile(r"[\u3400-\u9fff]")
_SPLIT = re.compile(r"[\s,，、;；·（）()“”\"'<>《》/]+")


def words_of_name(name: str) -> set[str]:
    """All by which a name is found: from any of its characters on, in characters, pinyin, and initials of pinyin."""
    words: set[str] = set()
    for part in _parts(name):
        words.update(_ends(part))
        if _CJK.search(part):
            for syllables in _readings(part):
                words.update("".join(syllables[start:])[:LONGEST] for start in range(min(len(syllables), _ENDS)))
                words.update(_ends("".join(syllable[0] for syllable in syllables)))
    return words


def words_of_number(number: str) -> set[str]:
    """All by which a number of ours is found: whole, its digits alone, without the year, and without what fills it up."""
    plain = number.lower()
    digits = re.sub(r"^\D+", "", plain)
    running = digits[2:]
    return {word[:LONGEST] for word in (plain, digits, running, running.lstrip("0")) if word}


def words_of_secret(value: str) -> set[str]:
    """Keyed digests by which a personal number is found whole or by its last four digits; it cannot be read from them."""
    plain = "".join(value.split()).upper()
    return {_digest(plain), _digest(f"tail:{plain[-_TAIL:]}")} if len(plain) > _TAIL else set()


def order_of_name(name: str) -> str:
    """What names are sorted by: pinyin by syllable, then the characters; other letters without regard to their case."""
    syllables = _pinyin().lazy_pinyin(name, errors=lambda text: [text.lower()]) if _CJK.search(name) else [name.lower()]
    return f"{' '.join(syllables)} {name}"[:200]


def as_vector(words: Iterable[str]) -> str:
    """Words as the text of a tsvector."""
    return " ".join(sorted(_quoted(word) for word in words))


def matching(entered: str) -> ColumnElement[bool] | None:
    """The condition on entries for what was entered; None for too little to look for.

    Each word must be the beginning of one of the entry's words; what has the form of a personal number may also be one.
    """
    parts = list(_parts(entered))
    if not parts or (len(parts) == 1 and len(parts[0]) < 2 and not _CJK.match(parts[0])):
        return None
    wanted = " & ".join(_alternatives(part) for part in parts[:6])
    return SearchEntry.words.op("@@", is_comparison=True)(cast(literal(wanted), TSQUERY))


def _alternatives(part: str) -> str:
    found = [f"{_quoted(part[:LONGEST])}:*"]
    secret = part.upper()
    if re.fullmatch(r"[0-9A-Z]{8,32}", secret):
        found.append(_quoted(_digest(secret)))
    elif re.fullmatch(r"\d{3}[0-9X]", secret):
        found.append(_quoted(_digest(f"tail:{secret}")))
    return f"({' | '.join(found)})"


def _digest(text: str) -> str:
    return "=" + blind_index(text)[:_DIGEST]


def _parts(text: str) -> Iterator[str]:
    return (part for part in _SPLIT.split(text.lower()) if part)


def _ends(word: str) -> Iterator[str]:
    return (word[start : start + LONGEST] for start in range(min(len(word), _ENDS)))


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _readings(name: str) -> Iterator[list[str]]:
    """Pinyin of a name by syllable; the first character, often a surname, in each of its readings (单 dan, shan, chan)."""
    pinyin = _pinyin()
    plain = pinyin.lazy_pinyin(name, style=pinyin.Style.NORMAL, errors=list)
    firsts = pinyin.pinyin(name[0], style=pinyin.Style.NORMAL, heteronym=True, errors=list)[0][:_READINGS]
    readings: Iterator[list[str]] = (
        [first, *rest] for first, rest in product(dict.fromkeys([plain[0], *firsts]), [plain[1:]])
    )
    return ([syllable for syllable in reading if syllable] for reading in readings)


@cache
def _pinyin() -> ModuleType:
    # Its table of characters takes a quarter of a second to load: only who needs it waits.
    import pypinyin

    return pypinyin
