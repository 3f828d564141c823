"""How a data step of a revision opens and makes sealed values: by what the areas above hand in."""

from collections.abc import Callable
from typing import Any, Protocol


class Seals(Protocol):
    """One company's keys as a revision may use them; what it writes opens with the live code's own column types.

    A spare has no keys and nothing that is sealed: for it each of these raises.
    """

    def open_text(self, sealed: bytes) -> str:
        """The text in a sealed column."""
        ...

    def seal_text(self, text: str) -> bytes:
        """A text for a sealed column, sealed with the key in use."""
        ...

    def open_json(self, sealed: bytes) -> dict[str, Any]:
        """The object in a sealed column of JSON."""
        ...

    def seal_json(self, value: dict[str, Any]) -> bytes:
        """An object for a sealed column of JSON."""
        ...

    def blind_index(self, value: str) -> str:
        """The keyed digest by which a sealed value is found."""
        ...


class NoSeals:
    """What a spare is given, and a fleet for which nobody has said where keys are."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError("this schema has no keys: a data step may open only what its rows hold")


_source: list[Callable[[str], Seals]] = []


def use_seals(source: Callable[[str], Seals]) -> None:
    """Say where the keys of a tenant (by id) come from; storage does, which lies above."""
    _source[:] = [source]


def seals_of(tenant_id: str) -> Seals:
    """The keys of a tenant."""
    return _source[0](tenant_id) if _source else NoSeals()
