"""What can go wrong with tenants as a whole."""

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, Refused


class NoTenantBound(RuntimeError):
    """Code that needs a tenant ran without one: a fault of ours, nothing has been read or written."""


class UnknownTenant(NotFound):
    """No tenant answers to this name."""

    code = "unknown_tenant"

    def __init__(self, name: str) -> None:
        super().__init__(_l("No company uses this address. Check its spelling, or sign your company up."), name=name)


class SlugTaken(Refused):
    """Another company already uses the subdomain."""

    code = "slug_taken"

    def __init__(self, slug: str) -> None:
        super().__init__(_l("This address is already taken. Choose another one."), slug=slug)


class CompanyTaken(Refused):
    """A company with the same credit code is already signed up."""

    code = "company_taken"

    def __init__(self, uscc: str) -> None:
        super().__init__(
            _l(
                "A company with this unified social credit code is already signed up. Ask its administrator for access."
            ),
            uscc=uscc,
        )


class InvalidSlug(Invalid):
    """The subdomain has a form that is not allowed, or is reserved."""

    code = "invalid_slug"

    def __init__(self, slug: str) -> None:
        super().__init__(
            _l("Use 3 to 30 small letters, digits or hyphens, beginning with a letter; some words are reserved."),
            field="slug",
            slug=slug,
        )


class UnknownKind(Invalid):
    """No installed kind has this name."""

    code = "unknown_kind"

    def __init__(self, kind: str) -> None:
        super().__init__(_l("Choose one of the kinds of company listed."), field="kind", kind=kind)
