"""What can go wrong with keys and stored objects."""

from datetime import date

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, Refused, TrilendError


class KeyMissing(Refused):
    """A value was sealed with a data key that the company no longer has."""

    code = "key_missing"

    def __init__(self, number: int) -> None:
        super().__init__(
            _l("This cannot be opened: its key (number %(number)d) has been destroyed.", number=number), number=number
        )


class KeyStillNeeded(Refused):
    """A retired data key cannot be destroyed yet."""

    code = "key_still_needed"

    def __init__(self) -> None:
        super().__init__(
            _l(
                "The retired keys are still needed: something is sealed with them, or they were retired only a while "
                "ago. Run the resealing and the sweep, and try again a day later."
            )
        )


class StorageAway(TrilendError):
    """The store of files does not answer, or refuses us; the log says why."""

    code = "storage_away"
    status = 503
    retry = True

    def __init__(self) -> None:
        super().__init__(
            _l("Files cannot be stored or read just now. Nothing was changed; try again in a few minutes.")
        )


class StorageFull(TrilendError):
    """The store of files takes no more."""

    code = "storage_full"
    status = 507

    def __init__(self) -> None:
        super().__init__(_l("There is no room for more files. Nothing was changed; tell the operator of the platform."))


class ObjectMissing(NotFound):
    """There is no such stored file, or it has been deleted."""

    code = "object_missing"

    def __init__(self, key: str) -> None:
        super().__init__(_l("The stored file is missing. Tell the operator of the platform."), key=key)


class ObjectDamaged(Refused):
    """A stored file was changed, cut, or put in the place of another; not a byte of the wrong part was handed on."""

    code = "object_damaged"

    def __init__(self) -> None:
        super().__init__(
            _l("The stored file has been damaged and cannot be opened. Tell the operator of the platform.")
        )


class FileTooLarge(Invalid):
    """The file is larger than its area takes."""

    code = "file_too_large"
    status = 413

    def __init__(self, megabytes: int) -> None:
        super().__init__(
            _l("This file is too large: at most %(megabytes)d MB are taken here.", megabytes=megabytes), most=megabytes
        )


class FileTypeRefused(Invalid):
    """The file's content is of a type that its area does not take."""

    code = "file_type_refused"
    status = 415

    def __init__(self, taken: str) -> None:
        super().__init__(
            _l("Files of this type are not taken here. Choose one of: %(taken)s.", taken=taken), taken=taken
        )


class NotWhatItSays(Invalid):
    """The file's content is not of the type that its sender named."""

    code = "not_what_it_says"
    status = 415

    def __init__(self, said: str) -> None:
        super().__init__(
            _l(
                "This file is not the %(said)s it is said to be. Save it again in that form, or choose another.",
                said=said,
            ),
            said=said,
        )


class HasMacros(Invalid):
    """A workbook or document carries a program."""

    code = "has_macros"
    status = 415

    def __init__(self) -> None:
        super().__init__(_l("This file contains macros. Save it without them and choose it again."))


class UnderRetention(Refused):
    """The file may not be deleted yet."""

    code = "under_retention"

    def __init__(self, until: date) -> None:
        super().__init__(
            _l("This file has to be kept until %(until)s. It can be deleted after that day.", until=until.isoformat()),
            until=until.isoformat(),
        )


class UnderLegalHold(Refused):
    """The file may not be deleted while somebody needs it as evidence."""

    code = "under_legal_hold"

    def __init__(self, reason: str) -> None:
        super().__init__(
            _l("This file is under a legal hold (%(reason)s). Have the hold lifted first.", reason=reason),
            reason=reason,
        )


class RetentionOnlyGrows(Refused):
    """The day until which a file is kept can be put off, not brought forward."""

    code = "retention_only_grows"

    def __init__(self, until: date) -> None:
        super().__init__(
            _l(
                "This file is kept until %(until)s already; that can be put off, not brought forward.",
                until=until.isoformat(),
            ),
            until=until.isoformat(),
        )


class LinkRefused(NotFound):
    """A link to a file that was changed, is over, or is for something else."""

    code = "link_refused"

    def __init__(self) -> None:
        super().__init__(_l("This link is not valid, or no longer. Open the file from its page again."))
