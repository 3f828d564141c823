"""What can go wrong with archives, and with companies as a whole."""

from datetime import datetime

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, Refused


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


class NewerRelease(Refused):
    """The archive was made by a release that this installation does not know yet."""

    code = "newer_release"

    def __init__(self, theirs: str, ours: str) -> None:
        super().__init__(
            _l(
                "The archive was made by a newer release (%(theirs)s) than this installation's (%(ours)s). Bring the "
                "installation to that release (trilend migrate), then import again.",
                theirs=theirs,
                ours=ours,
            ),
            theirs=theirs,
            ours=ours,
        )


class NotBroughtForward(Refused):
    """An archive of an earlier release could not be brought to this one; nothing has been kept."""

    code = "not_brought_forward"

    def __init__(self, reason: str) -> None:
        super().__init__(
            _l(
                "The archive could not be brought to this release: %(reason)s. Nothing was kept; tell the maker of the "
                "platform.",
                reason=reason,
            ),
            reason=reason,
        )


class OtherStructure(Refused):
    """Tables or columns differ although they should be of one release."""

    code = "other_structure"

    def __init__(self, tables: str) -> None:
        super().__init__(
            _l(
                "These tables are built differently here: %(tables)s. Bring the older side to this release "
                "(trilend migrate), then try again.",
                tables=tables,
            ),
            tables=tables,
        )


class AddressTaken(Refused):
    """The address in the archive belongs to somebody else here."""

    code = "address_taken"

    def __init__(self, slug: str, free: str) -> None:
        super().__init__(
            _l(
                "The address %(slug)s is already taken here. Choose another one, for example %(free)s.",
                slug=slug,
                free=free,
            ),
            slug=slug,
            free=free,
        )


class NotFaithful(Refused):
    """What came in does not equal what went out; nothing has been kept."""

    code = "not_faithful"

    def __init__(self, tables: str) -> None:
        super().__init__(
            _l("The imported rows differ from the archive (%(tables)s). Nothing was kept.", tables=tables),
            tables=tables,
        )


class StillAtWork(Refused):
    """Another process works on this passage."""

    code = "still_at_work"
    retry = True

    def __init__(self) -> None:
        super().__init__(_l("This is being done at the moment. Look again in a minute."))


class Overtaken(Refused):
    """Somebody else has brought the passage to its end, or has undone it."""

    code = "overtaken"

    def __init__(self) -> None:
        super().__init__(_l("This was finished or taken back in the meantime. Look at the list of what was done."))


class Busy(Refused):
    """Something else is being done to the company as a whole."""

    code = "busy"

    def __init__(self, slug: str) -> None:
        super().__init__(
            _l("%(slug)s is being moved or closed. Wait until that is over, or take it back first.", slug=slug),
            slug=slug,
        )


class NotReady(Refused):
    """The company has no space that could be carried: it is being made, or closed."""

    code = "not_ready"

    def __init__(self, slug: str) -> None:
        super().__init__(
            _l("%(slug)s has no space to work with: it is being made, or is closed.", slug=slug), slug=slug
        )


class Undone(Refused):
    """A move or an import was given up and everything is as it was before."""

    code = "undone"
    retry = False

    def __init__(self, reason: str) -> None:
        super().__init__(
            _l("It was given up and everything is as it was before: %(reason)s. Try again.", reason=reason),
            reason=reason,
        )


class StillWritten(Refused):
    """Work that had begun did not end in time."""

    code = "still_written"

    def __init__(self) -> None:
        super().__init__(
            _l("Work of this company that had begun did not end in time. Nothing was changed; try again in a while.")
        )


class UnknownServer(Invalid):
    """No server of this installation has the name, or the company is there already."""

    code = "unknown_server"

    def __init__(self, name: str, known: str) -> None:
        super().__init__(
            _l(
                "%(name)s is not another database server of this installation. Choose one of: %(known)s.",
                name=name,
                known=known,
            ),
            field="server",
            name=name,
        )


class NotInPast(NotFound):
    """The restored server does not have the company."""

    code = "not_in_past"

    def __init__(self, slug: str) -> None:
        super().__init__(
            _l(
                "The restored server has no company %(slug)s. Check its address and the moment it was restored to.",
                slug=slug,
            )
        )


class Expired(NotFound):
    """The file of an export is not there."""

    code = "export_expired"

    def __init__(self) -> None:
        super().__init__(_l("This export is not there any more, or is not ready yet. Export the company again."))


class NotACopy(Refused):
    """Only an earlier state that was brought back is opened."""

    code = "not_a_copy"

    def __init__(self, slug: str) -> None:
        super().__init__(_l("%(slug)s is not an earlier state that waits to be opened.", slug=slug), slug=slug)


class NoEscrow(Refused):
    """A company is closed only if its final archive can be opened by somebody, later."""

    code = "no_escrow"

    def __init__(self) -> None:
        super().__init__(
            _l(
                "Set TRILEND_ESCROW_PUBLIC_KEY first (trilend tenant escrow makes one): the final archive is sealed for it."
            )
        )


class NotClosing(Refused):
    """A company is closed in two acts with time between them."""

    code = "not_closing"

    def __init__(self, due_at: datetime | None = None) -> None:
        super().__init__(
            _l("The time of grace ends on %(day)s; it cannot be closed before.", day=due_at.date().isoformat())
            if due_at
            else _l("The closing of this company has not been announced.")
        )
