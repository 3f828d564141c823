"""What can go wrong with tenants as a whole."""

from typing import ClassVar

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, Refused, TrilendError
from trilend.tenancy.door import Admission, Reason
from trilend.tenancy.models import Door


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


class NotAdmitted(TrilendError):
    """The tenant's space is shut, or may only be read and the act would have written; nothing has been done.

    `shut` and `reading` are the sentences of the two cases, `retry_after` seconds where the reason passes by itself.
    """

    title: ClassVar[LazyString]
    shut: ClassVar[LazyString]
    reading: ClassVar[LazyString]
    retry_after: ClassVar[int | None] = None
    status = 503
    retry = True

    def __init__(self, admission: Admission) -> None:
        super().__init__(self.reading if admission.entry is Door.READ_ONLY else self.shut, entry=admission.entry.value)
        self.admission = admission

    @property
    def headers(self) -> dict[str, str]:
        """When to come again, for the answer."""
        return {"Retry-After": str(self.retry_after)} if self.retry_after else {}


class Suspended(NotAdmitted):
    """An operator has suspended the company."""

    code = Reason.SUSPENDED.value
    status = 403
    retry = False
    title = _l("This company is suspended")
    shut = _l("The operator of the platform has suspended this company. Your data is kept. Contact the operator.")
    reading = _l(
        "The operator of the platform has suspended this company: everything can be read and exported, nothing can be "
        "changed. Contact the operator."
    )


class Closing(NotAdmitted):
    """The company is being closed; its people may still read and export."""

    code = Reason.CLOSING.value
    status = 403
    retry = False
    title = _l("This company is being closed")
    shut = _l("This company is being closed. Contact the operator of the platform if that is not what you want.")
    reading = _l(
        "This company is being closed: everything can be read and exported, nothing can be changed. Export what you need "
        "in time."
    )


class BeingMoved(NotAdmitted):
    """The space is being copied to another server."""

    code = Reason.MOVING.value
    retry_after = 10
    title = _l("This company is moving to another server")
    shut = _l("This company is being moved to another server. Try again in a few seconds.")
    reading = _l(
        "This company is being moved to another server and can only be read for some seconds. Nothing was changed: send "
        "it again in a moment."
    )


class BeingRestored(NotAdmitted):
    """An earlier state is being brought back."""

    code = Reason.RESTORING.value
    retry_after = 60
    title = _l("This company is being restored")
    shut = _l("An earlier state of this company is being restored. Try again in a few minutes.")
    reading = _l("An earlier state of this company is being restored; until then it can only be read.")


class EarlierState(NotAdmitted):
    """The space is an earlier state of a company, brought back beside the living one to be looked at."""

    code = Reason.RESTORED.value
    status = 403
    retry = False
    title = _l("This is an earlier state")
    shut = _l("This is an earlier state of a company, and it is not open. Contact the operator of the platform.")
    reading = _l(
        "This is an earlier state of the company, brought back to be looked at: nothing can be changed here. Work goes on "
        "at the company's own address."
    )


class BeingUpdated(NotAdmitted):
    """The space has not yet been brought to this release."""

    code = Reason.UPDATING.value
    retry_after = 60
    title = _l("This company is being updated")
    shut = _l("This company is being brought to the new version. Try again in a few minutes; your data is safe.")
    reading = _l("This company is being brought to the new version and can only be read for some minutes.")


class Faulty(NotAdmitted):
    """The space is not what this release expects, and operators have to mend it."""

    code = Reason.FAULTY.value
    retry_after = 300
    title = _l("This company cannot be served at the moment")
    shut = _l(
        "A check found a fault in this company's space, which is kept shut so that nothing is damaged. Your data is safe, "
        "and the operators see the fault. Try again later."
    )
    reading = _l("A check found a fault in this company's space, which can only be read until it is mended.")


class UnderMaintenance(NotAdmitted):
    """Operators work on the space for a reason of their own."""

    code = Reason.MAINTENANCE.value
    retry_after = 60
    title = _l("This company is being maintained")
    shut = _l("Operators are working on this company's space. Try again in a few minutes; your data is safe.")
    reading = _l("Operators are working on this company's space, which can only be read for some minutes.")


_REFUSALS: dict[Reason | None, type[NotAdmitted]] = {
    Reason.SUSPENDED: Suspended,
    Reason.CLOSING: Closing,
    Reason.MOVING: BeingMoved,
    Reason.RESTORING: BeingRestored,
    Reason.RESTORED: EarlierState,
    Reason.UPDATING: BeingUpdated,
    Reason.FAULTY: Faulty,
}


def not_admitted(admission: Admission) -> NotAdmitted:
    """The error that says why one may not enter, or not write."""
    return _REFUSALS.get(admission.reason, UnderMaintenance)(admission)
