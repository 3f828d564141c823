"""Why an application cannot be entered or decided, and what to do."""

from typing import Any

from flask_babel import lazy_gettext as _l

from trilend.credit.limits import LimitCheck
from trilend.errors import Invalid, Refused
from trilend.money import format_yuan


class InvalidApplication(Invalid):
    """A field of the application does not fit the product; `field` names it."""

    code = "invalid_application"

    def __init__(self, field: str, message: Any) -> None:
        super().__init__(message, field=field)
        self.field = field


class NumberTaken(Refused):
    """Another application has this number."""

    code = "number_taken"

    def __init__(self, number: str) -> None:
        super().__init__(_l("Another application has the number %(number)s.", number=number), number=number)


class SecondPersonNeeded(Refused):
    """Who entered an application may not decide it."""

    code = "second_person_needed"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            _l("A decision needs a person other than the one who entered the application, and no program.")
        )


class AlreadyDecided(Refused):
    """The application is not waiting for a decision."""

    code = "already_decided"

    def __init__(self) -> None:
        super().__init__(_l("This application has been decided already."))


class LimitExceeded(Refused):
    """A limit of law forbids the approval; `check` says which, by which basis and by how much."""

    code = "limit_exceeded"
    status = 409

    def __init__(self, check: LimitCheck) -> None:
        super().__init__(_sentence(check), rule=check.rule, basis=check.basis)
        self.check = check


def _sentence(check: LimitCheck) -> Any:
    if check.rule == "single_borrower":
        return _l(
            "All loans of this borrower would come to %(total)s yuan; %(cap)s yuan is allowed (%(basis)s).",
            total=format_yuan(check.used + check.requested),
            cap=format_yuan(check.cap),
            basis=check.basis,
        )
    return _l(
        "The all-in cost would be %(rate)s %% a year; %(cap)s %% is allowed (%(basis)s).",
        rate=f"{check.requested * 100:.2f}",
        cap=f"{check.cap * 100:.2f}",
        basis=check.basis,
    )
