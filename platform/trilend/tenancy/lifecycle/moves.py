"""The table of moves: from which states, to which one, and what each asks for."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from trilend.tenancy.models import Door, Tenant, TenantState

_TRIAL, _VERIFIED, _SUSPENDED = TenantState.TRIAL, TenantState.VERIFIED, TenantState.SUSPENDED


@dataclass(frozen=True)
class Move:
    """One way from a state to another.

    `target` None leads back to where the tenant was before it was suspended. `by_hand` moves are offered to operators;
    the others belong to what the platform does (`making` and closing). `needs_second` means that whoever prepared it may
    not carry it out.
    """

    name: str
    label: LazyString
    consequence: LazyString
    sources: frozenset[TenantState]
    target: TenantState | None
    suspension: Door = Door.OPEN
    needs_reason: bool = True
    needs_second: bool = False
    by_hand: bool = True
    tone: str = "primary"

    def fits(self, tenant: Tenant) -> bool:
        """Whether a tenant as it is now may take this move and would be changed by it."""
        is_there = tenant.state == self.target and tenant.suspension == self.suspension
        return tenant.state in self.sources and not is_there


MADE = Move(
    "made",
    _l("Space made"),
    _l("The company may begin its trial."),
    frozenset({TenantState.PROVISIONING}),
    _TRIAL,
    needs_reason=False,
    by_hand=False,
)
VERIFY = Move(
    "verify",
    _l("Verify"),
    _l("The company may move real money through its bank connections."),
    frozenset({_TRIAL}),
    _VERIFIED,
    needs_reason=False,
    needs_second=True,
)
UNVERIFY = Move(
    "unverify",
    _l("Take the verification back"),
    _l("The company is on trial again: transfers through real banks are refused from now on."),
    frozenset({_VERIFIED}),
    _TRIAL,
    tone="danger",
)
SUSPEND_READING = Move(
    "suspend_reading",
    _l("Suspend, reading allowed"),
    _l("Everybody of the company can read and export; nothing can be changed, and its jobs wait."),
    frozenset({_TRIAL, _VERIFIED, _SUSPENDED}),
    _SUSPENDED,
    Door.READ_ONLY,
    tone="danger",
)
SUSPEND_SHUT = Move(
    "suspend_shut",
    _l("Suspend and shut"),
    _l("Nobody of the company can enter; a notice says why, and its jobs wait."),
    frozenset({_TRIAL, _VERIFIED, _SUSPENDED}),
    _SUSPENDED,
    Door.SHUT,
    tone="danger",
)
RESUME = Move(
    "resume",
    _l("End the suspension"),
    _l("The company works as before; jobs that waited go on."),
    frozenset({_SUSPENDED}),
    None,
)
CLOSE = Move(
    "close",
    _l("Closed"),
    _l("The company's space is no longer served."),
    frozenset({_TRIAL, _VERIFIED, _SUSPENDED}),
    TenantState.CLOSED,
    needs_second=True,
    by_hand=False,
)

MOVES: Sequence[Move] = (MADE, VERIFY, UNVERIFY, SUSPEND_READING, SUSPEND_SHUT, RESUME, CLOSE)


def moves_open_to(tenant: Tenant) -> Sequence[Move]:
    """What an operator may do with a tenant as it is now."""
    return [move for move in MOVES if move.by_hand and move.fits(tenant)]
