"""What can go wrong with a company's papers."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, Refused


class InvalidPaper(Invalid):
    """The file or what was entered about it cannot be taken; `fields` says what to mend where."""

    code = "invalid_paper"

    def __init__(self, fields: dict[str, LazyString]) -> None:
        super().__init__(next(iter(fields.values())), fields=fields)
        self.fields = fields


class UnknownPaper(NotFound):
    """The company has no such paper."""

    code = "unknown_paper"

    def __init__(self) -> None:
        super().__init__(_l("This paper does not exist."))


class PaperDecided(Refused):
    """Somebody has decided on the paper already, or a newer one has taken its place."""

    code = "paper_decided"

    def __init__(self) -> None:
        super().__init__(_l("This paper does not wait for a decision any more. Reload the page."))
