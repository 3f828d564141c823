"""What can go wrong with a message that leaves."""

from flask_babel import lazy_gettext as _l

from trilend.errors import TrilendError


class DeliveryUnknown(TrilendError):
    """The mail server may have taken the mail: it was handed over and no answer came."""

    code = "delivery_unknown"

    def __init__(self) -> None:
        super().__init__(
            _l("The mail server may have taken this mail, but its answer did not arrive. Retrying may send it twice.")
        )


class MailRefused(TrilendError):
    """The mail server has said for good that it does not take the mail."""

    code = "mail_refused"

    def __init__(self, answer: str) -> None:
        super().__init__(_l("The mail server refused the mail: %(answer)s", answer=answer))
