"""What can go wrong when a tenant is moved from one state to another."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, Refused
from trilend.tenancy.models import TenantState


class MoveNotAllowed(Refused):
    """The tenant's state does not allow this move; nothing has changed."""

    code = "move_not_allowed"

    def __init__(self, state: TenantState) -> None:
        super().__init__(
            _l("The company is not in a state that allows this. Reload the page to see what has happened to it."),
            state=str(state),
        )


class UnknownMove(Invalid):
    """There is no such move, or operators do not make it by hand."""

    code = "unknown_move"

    def __init__(self, name: str) -> None:
        super().__init__(_l("Choose one of the moves that are offered."), field="move", move=name)


class ReasonNeeded(Invalid):
    """A move of this kind needs a reason, which the tenant reads."""

    code = "reason_needed"

    def __init__(self) -> None:
        super().__init__(_l("Give the reason in a sentence: the company reads it."), field="reason")


class PapersMissing(Refused):
    """A company is verified only when all its papers are accepted and in force."""

    code = "papers_missing"

    def __init__(self, labels: list[str | LazyString]) -> None:
        names = ", ".join(str(label) for label in labels)
        super().__init__(
            _l(
                "The company cannot be verified yet: these papers are not accepted or have run out: %(names)s.",
                names=names,
            ),
            papers=names,
        )


class SecondPersonNeeded(Refused):
    """Whoever accepted the papers does not verify the company alone."""

    code = "second_person_needed"

    def __init__(self) -> None:
        super().__init__(
            _l(
                "You accepted these papers yourself. Another operator has to verify the company, so that two have looked."
            )
        )
