"""What can go wrong with domains of a tenant's own."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, Refused


class InvalidDomain(Invalid):
    """The name is none that a tenant may claim."""

    code = "invalid_domain"

    def __init__(self, sentence: LazyString) -> None:
        super().__init__(sentence, field="host")


class DomainClaimed(Refused):
    """The tenant has claimed this name already."""

    code = "domain_claimed"

    def __init__(self) -> None:
        super().__init__(_l("This domain is on your list already."), field="host")


class TooManyDomains(Refused):
    """A tenant may claim only so many names at a time."""

    code = "too_many_domains"

    def __init__(self, most: int) -> None:
        super().__init__(_l("You have %(most)s domains. Remove one that you do not use first.", most=most))


class UnknownDomain(NotFound):
    """The tenant has no such domain."""

    code = "unknown_domain"

    def __init__(self) -> None:
        super().__init__(_l("This domain is not on your list any more."))


class DomainNotProved(Refused):
    """Links may only lead to a domain that is proved."""

    code = "domain_not_proved"

    def __init__(self) -> None:
        super().__init__(_l("This domain is not proved yet. Publish its record or file, then have it checked."))
