"""Work that the tests ask for, and what is said to workers of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from trilend.jobs import wake
from trilend.jobs.handlers import handles
from trilend.jobs.models import Queue
from trilend.jobs.runs import JobRun

done: list[Any] = []


@handles("test.note")
def _note(run: JobRun) -> dict[str, Any]:
    done.append(run.payload.get("n"))
    return {"n": run.payload.get("n")}


@pytest.fixture
def noted() -> Iterator[list[Any]]:
    """What the jobs `test.note` have done, in order."""
    done.clear()
    yield done
    done.clear()


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, Queue]]:
    """What is said to the workers, in place of saying it: no worker runs, and none is to be woken."""
    said: list[tuple[str | None, Queue]] = []
    monkeypatch.setattr(wake, "offer", lambda tenant, queue: said.append((tenant, queue)))
    monkeypatch.setattr(wake, "taken", lambda tenant, queue: None)
    return said
