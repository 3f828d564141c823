"""What a program may be allowed to do through the API, in words a person understands."""

from collections.abc import Collection, Iterable, Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from trilend.kinds import Permission

SCOPES: dict[str, LazyString] = {
    "parties:read": _l("Read customers (identifiers masked)"),
    "parties:write": _l("Record customers"),
    "applications:read": _l("Read applications"),
    "applications:write": _l("Submit applications"),
    "applications:decide": _l("Approve and refuse applications"),
    "contracts:write": _l("Make contracts and send them out for signature"),
    "loans:read": _l("Read loans, schedules and repayments"),
    "loans:disburse": _l("Order disbursements"),
    "payments:collect": _l("Read bank statements and assign repayments"),
    "ledger:read": _l("Read journals and balances"),
}

NEEDS: Mapping[str, Permission] = {
    "parties:read": ("can_list", "Parties"),
    "parties:write": ("can_add", "Parties"),
    "applications:read": ("can_list", "Applications"),
    "applications:write": ("can_add", "Applications"),
    "applications:decide": ("can_decide", "Applications"),
    "contracts:write": ("can_add", "Contracts"),
    "loans:read": ("can_list", "Loans"),
    "loans:disburse": ("can_disburse", "Loans"),
    "payments:collect": ("can_collect", "Loans"),
    "ledger:read": ("can_list", "Books"),
}
"""The permission that a person must hold for a program to do this in the person's name."""


def scopes_within(scopes: Iterable[str], held: Collection[Permission]) -> frozenset[str]:
    """Those of some scopes that a person with these permissions can lend to a program."""
    return frozenset(scope for scope in scopes if scope in NEEDS and NEEDS[scope] in held)
