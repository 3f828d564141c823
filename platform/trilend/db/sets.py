"""Cuts long sequences into the portions a statement can carry."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    """Consecutive portions of at most `size` items."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
