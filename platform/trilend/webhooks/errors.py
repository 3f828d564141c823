"""What can be wrong with an address that is to be told events."""

from typing import Any

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, Refused


class WrongAddress(Invalid):
    """The address is not one that the platform sends events to."""

    code = "webhook_address"

    def __init__(self, sentence: Any) -> None:
        super().__init__(sentence, field="url")


class TooManyEndpoints(Refused):
    """There are as many addresses as there may be."""

    code = "webhook_too_many"

    def __init__(self, most: int) -> None:
        super().__init__(_l("A company has at most %(most)d addresses. Remove one that is not needed.", most=most))


class EndpointIsOff(Refused):
    """Nothing is sent to an address that is switched off."""

    code = "webhook_off"

    def __init__(self) -> None:
        super().__init__(_l("Switch the address on first."))
