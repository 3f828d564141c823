"""The sorts of notices: what each says, and how it reaches people who have not chosen otherwise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from trilend.jobs.handlers import label_of
from trilend.kinds import Permission

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Sort:
    """A sort of notices. `words` makes the sentence from its data, which name no customer: mail carries it out.

    `concerns` are the permissions of which one is held by those who ever get it; none means everybody.
    """

    name: str
    label: Any
    words: Callable[[Data], str]
    icon: str = "bell"
    tone: str = "info"
    mail: bool = False
    concerns: tuple[Permission, ...] = ()
    kind: str = ""


_sorts: dict[str, Sort] = {}


def declare_sort(sort: Sort) -> Sort:
    """Make a sort known by its name."""
    _sorts[sort.name] = sort
    return sort


def sort_named(name: str) -> Sort | None:
    """A declared sort; None when this release no longer has it."""
    return _sorts.get(name)


def sorts_for(kind: str, held: frozenset[Permission]) -> Sequence[Sort]:
    """The sorts that somebody with these permissions may be told of in a company of a kind."""
    return [
        sort
        for sort in _sorts.values()
        if sort.kind in ("", kind) and (not sort.concerns or held.intersection(sort.concerns))
    ]


JOB_DONE = declare_sort(
    Sort(
        "job_done",
        _l("Work in the background that I asked for is done"),
        lambda data: gettext("%(work)s: done.", work=label_of(str(data["job"]))),
        "circle-check",
        "success",
    )
)
JOB_FAILED = declare_sort(
    Sort(
        "job_failed",
        _l("Work in the background that I asked for has failed"),
        lambda data: gettext("%(work)s has failed: %(why)s", work=label_of(str(data["job"])), why=data["why"]),
        "alert-triangle",
        "danger",
        mail=True,
    )
)
EXPORT_READY = declare_sort(
    Sort(
        "export_ready",
        _l("A list I exported is ready"),
        lambda data: ngettext(
            "%(name)s is ready: %(num)d row.", "%(name)s is ready: %(num)d rows.", data["rows"], name=data["name"]
        ),
        "file-text",
        "success",
    )
)
CONNECTION_FAILED = declare_sort(
    Sort(
        "connection_failed",
        _l("A connection does not work"),
        lambda data: gettext("The test of the connection %(name)s failed: %(why)s", name=data["name"], why=data["why"]),
        "plug",
        "danger",
        mail=True,
        concerns=(("can_edit", "Connections"),),
    )
)
FIRST_STEPS = declare_sort(
    Sort(
        "first_steps",
        _l("Steps are left until the company can work"),
        lambda data: ngettext(
            "%(num)d step is left until the company can work.",
            "%(num)d steps are left until the company can work.",
            data["left"],
        ),
        "checks",
        "warning",
        concerns=(("can_edit", "Connections"),),
    )
)
PLAN_NEAR = declare_sort(
    Sort(
        "plan_near",
        _l("A limit of the plan is near"),
        lambda data: {
            "people": gettext(
                "%(used)d of %(limit)d people of the plan are taken.", used=data["used"], limit=data["limit"]
            ),
            "storage": gettext("%(percent)d %% of the plan's storage is used.", percent=data["percent"]),
        }[data["what"]],
        "gauge",
        "warning",
        mail=True,
        concerns=(("can_edit", "Company"),),
    )
)
