"""What can go wrong with archives."""

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, Refused


class NotAnArchive(Invalid):
    """The file is not an archive of a company, or not a whole one."""

    code = "not_an_archive"

    def __init__(self, reason: str) -> None:
        super().__init__(
            _l("This file is not a whole archive of a company: %(reason)s. Export the company again.", reason=reason),
            reason=reason,
        )


class WrongPassphrase(Invalid):
    """The passphrase does not open the keys in the archive."""

    code = "wrong_passphrase"

    def __init__(self) -> None:
        super().__init__(_l("The passphrase does not open this archive. Enter the one it was exported with."))


class OtherRelease(Refused):
    """Archive and installation are at different revisions."""

    code = "other_release"

    def __init__(self, theirs: str, ours: str) -> None:
        super().__init__(
            _l(
                "The archive was made at revision %(theirs)s and this installation is at %(ours)s. Bring the older of "
                "the two to the newer one's release, then export or import again.",
                theirs=theirs,
                ours=ours,
            ),
            theirs=theirs,
            ours=ours,
        )


class NotFaithful(Refused):
    """What came in does not equal what went out; nothing has been kept."""

    code = "not_faithful"

    def __init__(self, tables: str) -> None:
        super().__init__(
            _l("The imported rows differ from the archive (%(tables)s). Nothing was kept.", tables=tables),
            tables=tables,
        )


class NotClosing(Refused):
    """A company is closed in two acts with time between them."""

    code = "not_closing"

    def __init__(self) -> None:
        super().__init__(
            _l("The closing of this company has not been announced, or its time of grace is not over yet.")
        )
