"""What can go wrong with the keeping of files."""

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, Refused


class UnknownFile(NotFound):
    """The company keeps no such file, or it has been deleted."""

    code = "unknown_file"

    def __init__(self, file_id: int) -> None:
        super().__init__(_l("This file is not kept, or no longer. Choose one from the list."), id=file_id)


class ReasonNeeded(Invalid):
    """A hold is set and lifted for a reason that others can read later."""

    code = "reason_needed"

    def __init__(self) -> None:
        super().__init__(_l("Enter the reason, such as the number of the case."), field="reason")


class AlreadyHeld(Refused):
    """The file is under a hold already."""

    code = "already_held"

    def __init__(self) -> None:
        super().__init__(_l("This file is under a legal hold already. Its reason stands below."))


class NotHeld(Refused):
    """There is no hold to be lifted."""

    code = "not_held"

    def __init__(self) -> None:
        super().__init__(_l("This file is under no legal hold any more."))
