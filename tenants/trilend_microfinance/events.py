"""What a microfinance company's business tells other programs."""

from flask_babel import lazy_gettext as _l

from trilend.kinds import EventType
from trilend_sdk.events import EventKind

_AMOUNT = "yuan, as text"

EVENTS = (
    EventType(
        EventKind.APPLICATION_DECIDED,
        _l("An application was approved or refused"),
        {"decision": "approved or refused", "amount": _AMOUNT},
    ),
    EventType(EventKind.CONTRACT_SIGNED, _l("All have signed a contract"), {"title": "of the contract"}),
    EventType(
        EventKind.LOAN_DISBURSED,
        _l("A loan was paid out"),
        {"amount": _AMOUNT, "value_date": "day from which it counts"},
    ),
    EventType(
        EventKind.PAYMENT_RECEIVED,
        _l("A payment was booked on a loan"),
        {"amount": _AMOUNT, "value_date": "day from which it counts", "purpose": "repayment or prepayment"},
    ),
    EventType(EventKind.LOAN_SETTLED, _l("A loan was paid back in full"), {"amount": _AMOUNT + ", the last payment"}),
    EventType(
        EventKind.DAY_CLOSED,
        _l("A business day was closed"),
        {"day": "that was closed", "loans": "served", "journals": "posted", "failed": "loans that were left behind"},
    ),
)
