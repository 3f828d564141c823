"""What a program may be allowed to do through the API, in words a person understands."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

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
