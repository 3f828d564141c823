"""What can be missing among the parameters."""

from datetime import date

from flask_babel import lazy_gettext as _l

from trilend.errors import Refused
from trilend.parameters.labels import label_of


class ParameterMissing(Refused):
    """A figure that the act depends on has not been entered for this date."""

    code = "parameter_missing"

    def __init__(self, name: str, on: date) -> None:
        message = _l(
            "The figure “%(name)s” is not set for %(day)s. Enter it under Parameters first.",
            name=label_of(name),
            day=on,
        )
        super().__init__(message, name=name)
