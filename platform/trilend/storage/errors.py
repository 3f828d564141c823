"""What can go wrong with keys and stored objects."""

from flask_babel import lazy_gettext as _l

from trilend.errors import Refused


class KeyMissing(Refused):
    """A value was sealed with a data key that the company no longer has."""

    code = "key_missing"

    def __init__(self, number: int) -> None:
        super().__init__(
            _l("This cannot be opened: its key (number %(number)d) has been destroyed.", number=number), number=number
        )
