"""What can be done in the background: a function for each name of a job, and how patient one is with it."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trilend.jobs.models import Queue

if TYPE_CHECKING:
    from trilend.jobs.runs import JobRun

Act = Callable[["JobRun"], dict[str, Any] | None]


@dataclass(frozen=True)
class Policy:
    """How often a job is attempted, how long it waits between attempts, and how long one attempt may take (seconds).

    The wait is drawn evenly from nothing up to a ceiling that doubles with each attempt: after a common cause has
    passed, jobs do not come back all at once.
    """

    attempts: int = 5
    base_seconds: float = 4.0
    cap_seconds: float = 300.0
    limit_seconds: float = 1800.0

    def ceiling(self, attempt: int) -> float:
        """The longest wait after this attempt, counted from 1."""
        return min(self.cap_seconds, self.base_seconds * 2.0 ** min(attempt - 1, 20))

    def delay(self, attempt: int, draw: Callable[[float, float], float] = random.uniform) -> float:
        """Seconds to wait after this attempt: full jitter."""
        return draw(0.0, self.ceiling(attempt))


@dataclass(frozen=True)
class Handler:
    """The function, the name people read, the bulkhead and the policy of one sort of job.

    What a `confidential` one was given is forgotten as soon as it is done or given up.
    """

    act: Act
    label: Any = ""
    queue: Queue = Queue.INTERACTIVE
    policy: Policy = field(default_factory=Policy)
    confidential: bool = False


_handlers: dict[str, Handler] = {}
_UNKNOWN = Policy()


def handles(
    name: str,
    *,
    label: Any = "",
    queue: Queue = Queue.INTERACTIVE,
    policy: Policy = _UNKNOWN,
    confidential: bool = False,
) -> Callable[[Act], Act]:
    """Register the function that does jobs of this name; it must bear being run again after a crash anywhere."""

    def register(act: Act) -> Act:
        _handlers[name] = Handler(act, label, queue, policy, confidential)
        return act

    return register


def handlers() -> Mapping[str, Handler]:
    """All that this process knows to do."""
    return _handlers


def queue_of(name: str) -> Queue:
    """The bulkhead of a job; that of work somebody waits for if the name is not known here."""
    known = _handlers.get(name)
    return known.queue if known else Queue.INTERACTIVE


def policy_of(name: str) -> Policy:
    """The policy of a job."""
    known = _handlers.get(name)
    return known.policy if known else _UNKNOWN


def confidential_names() -> tuple[str, ...]:
    """The jobs whose payloads hold what nobody may read later, such as one-time codes."""
    return tuple(name for name, known in _handlers.items() if known.confidential)


def label_of(name: str) -> str:
    """What people call the work."""
    known = _handlers.get(name)
    return str(known.label) if known and known.label else name
