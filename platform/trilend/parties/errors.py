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
