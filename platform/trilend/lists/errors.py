"""What can be wrong with what somebody wants of a list."""

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, TrilendError


class UnknownList(NotFound):
    """There is no such list for this person."""

    code = "unknown_list"

    def __init__(self, name: str) -> None:
        super().__init__(_l("This list does not exist."), list=name)


class FilterNameMissing(Invalid):
    """A filter is to be kept without a name."""

    code = "filter_name_missing"

    def __init__(self) -> None:
        super().__init__(_l("Give the filter a name, by which you will find it again."), field="name")


class TooManyFilters(Invalid):
    """Somebody keeps as many filters of a list as there may be."""

    code = "too_many_filters"

    def __init__(self, most: int) -> None:
        super().__init__(_l("You keep %(most)d filters of this list. Delete one you no longer need.", most=most))


class NotYours(TrilendError):
    """A filter of somebody else, or sharing without the permission to share."""

    code = "filter_not_yours"
    status = 403

    def __init__(self) -> None:
        super().__init__(_l("Only who made a shared filter, or may share filters, can change it."))


class ExportGone(NotFound):
    """The file was deleted, is not made yet, or is somebody else's."""

    code = "list_export_gone"

    def __init__(self) -> None:
        super().__init__(_l("This file is not there any more. Export the list again."))


class ExportNotAllowed(TrilendError):
    """Whoever asked for an export may not see the list, or not export, by now."""

    code = "list_export_not_allowed"
    status = 403

    def __init__(self) -> None:
        super().__init__(_l("You may not export this list. Ask your administrator for the permission."))
