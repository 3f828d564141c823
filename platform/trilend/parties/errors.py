"""What can be wrong with a party's data."""

from typing import Any

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, Refused


class InvalidParty(Invalid):
    """A field of a party does not make sense; `details["field"]` names it."""

    code = "invalid_party"

    def __init__(self, field: str, message: Any) -> None:
        super().__init__(message, field=field)
        self.field = field


class PartyExists(Refused):
    """A party with this identifier is there already."""

    code = "party_exists"

    def __init__(self) -> None:
        super().__init__(_l("A customer with this identifier is already recorded."))


class RevealsUsedUp(Refused):
    """Somebody has revealed as many masked fields today as one person may."""

    code = "reveals_used_up"
    status = 429

    def __init__(self, quota: int | None) -> None:
        super().__init__(
            _l(
                "You have revealed %(quota)d masked fields today, which is as many as one person may. "
                "Go on tomorrow, or ask your administrator.",
                quota=quota or 0,
            )
        )
