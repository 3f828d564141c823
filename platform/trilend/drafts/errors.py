"""What a draft is refused for."""

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid


class DraftTooLarge(Invalid):
    """More was entered than a draft holds."""

    code = "draft_too_large"

    def __init__(self) -> None:
        super().__init__(_l("This form is too long to be kept as a draft. Send it, or keep a copy of the text."))
