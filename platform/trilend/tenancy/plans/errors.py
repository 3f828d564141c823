"""What is refused because a plan is used up."""

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, Refused, TrilendError


class PeopleUsedUp(Refused):
    """The plan allows no further person who may sign in."""

    code = "people_used_up"

    def __init__(self, plan: str, limit: int) -> None:
        super().__init__(
            _l(
                "The plan “%(plan)s” allows %(limit)s people who may sign in, and all are taken. Switch somebody off who "
                "has left, or ask the operator of the platform for a larger plan.",
                plan=plan,
                limit=limit,
            ),
            limit=limit,
        )


class StorageUsedUp(Refused):
    """The plan has no room for this file."""

    code = "storage_used_up"
    status = 413

    def __init__(self, plan: str, limit: str, used: str) -> None:
        super().__init__(
            _l(
                "The plan “%(plan)s” allows %(limit)s of files, of which %(used)s are used: this file does not fit. Ask the "
                "operator of the platform for a larger plan.",
                plan=plan,
                limit=limit,
                used=used,
            ),
            limit=limit,
            used=used,
        )


class CallsUsedUp(TrilendError):
    """The plan allows no further call of the API today, or this month."""

    code = "calls_used_up"
    status = 429
    retry = True

    def __init__(self, plan: str, limit: int, *, monthly: bool, seconds: int) -> None:
        sentence = (
            _l("The plan “%(plan)s” allows %(limit)s calls a month, and all have been made.", plan=plan, limit=limit)
            if monthly
            else _l("The plan “%(plan)s” allows %(limit)s calls a day, and all have been made.", plan=plan, limit=limit)
        )
        super().__init__(sentence, limit=limit)
        self.headers = {"Retry-After": str(seconds)}


class UnknownPlan(NotFound):
    """No plan has this name."""

    code = "unknown_plan"

    def __init__(self, name: str) -> None:
        super().__init__(_l("There is no plan of this name. Choose one of those in the console."), name=name)


class InvalidSeconds(Invalid):
    """A statement may take some seconds, and no longer than background work's."""

    code = "invalid_seconds"

    def __init__(self, most: int) -> None:
        super().__init__(
            _l("Enter a number of seconds from 1 to %(most)s, or nothing for the installation's own limit.", most=most),
            field="statement_seconds",
        )


class InvalidFigure(Invalid):
    """A limit is a whole number from nought on, or empty."""

    code = "invalid_figure"

    def __init__(self, field: str) -> None:
        super().__init__(_l("Enter a whole number, or nothing for no limit."), field=field)
