"""What a kind of business brings to the platform, and how installed kinds are found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Table
from sqlalchemy.sql.dml import Insert

Permission = tuple[str, str]
"""FAB's pair: permission name (`can_approve`) and the view it is on (`Applications`)."""


@dataclass(frozen=True)
class MenuEntry:
    """A line of the navigation; shown to those who hold `permission`."""

    label: Any
    endpoint: str
    icon: str
    permission: Permission


@dataclass(frozen=True)
class MenuGroup:
    """A titled group of navigation lines."""

    label: Any
    entries: tuple[MenuEntry, ...]


@dataclass(frozen=True)
class Role:
    """A default role: its name, its label, and what it grants (`view -> permissions`, `*` for all of a view).

    `scope` says how far it sees: `own`, `team`, `subtree` or `all` (`trilend.organization.models.DataScope`).
    """

    name: str
    label: Any
    grants: Mapping[str, Sequence[str]]
    scope: str = "all"


@dataclass(frozen=True)
class SeparatedDuties:
    """Two acts that nobody may do both on one thing, and why.

    Whoever does the second is held against who did the first. To hold both permissions is refused when roles are
    given if `exclusive`, else the administrator is warned: in a small company one person may have to hold both.
    """

    name: str
    first: Permission
    second: Permission
    why: Any
    exclusive: bool = False


@dataclass(frozen=True)
class PaperKind:
    """A paper by which a company of some kind is verified, and what stands on it.

    `holder` and `number` are the labels of the two facts that are entered; `checks` names what they are compared with:
    `company` the registered name, `uscc` the credit code, `resident_id` the form of a resident id.
    """

    name: str
    label: Any
    hint: Any
    holder: Any
    number: Any
    checks: frozenset[str] = frozenset()
    runs_out: bool = True


BUSINESS_LICENCE = PaperKind(
    "business_licence",
    _l("Business licence"),
    _l("The original or a stamped copy, all four corners visible"),
    _l("Company name on the licence"),
    _l("Unified social credit code"),
    frozenset({"company", "uscc"}),
)
LEGAL_REPRESENTATIVE_ID = PaperKind(
    "legal_representative_id",
    _l("Resident id of the legal representative"),
    _l("Both sides in one file"),
    _l("Name of the legal representative"),
    _l("Resident id number"),
    frozenset({"resident_id"}),
)
AUTHORISATION_LETTER = PaperKind(
    "authorisation_letter",
    _l("Letter of authorisation"),
    _l("For the person who administers this space, signed by the legal representative and stamped"),
    _l("Name of the person authorised"),
    _l("Number of the letter"),
    runs_out=False,
)


@dataclass(frozen=True)
class SubjectPage:
    """Where a thing that the audit log names is shown: an endpoint, and the argument that takes its id."""

    endpoint: str
    argument: str


@dataclass(frozen=True)
class EventType:
    """Something that can happen in a kind's business, which other programs may want to be told.

    `name` is one of `trilend_sdk.events.EventKind` where it knows such a thing; `data` says of each value that goes
    with it what it means. No identifiers of persons belong there.
    """

    name: str
    label: Any
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TenantKind:
    """One kind of business, as the platform sees it.

    `tables` live only in tenants of this kind; `views` are FAB view classes that do not exist for other kinds (404);
    `api` gives the kind's resources under `/api/v1` (`trilend.api.operations.Resource`); `seeds` yield the rows every new tenant begins with; `load_jobs`
    imports the modules that register background jobs; `revisions` is the folder of the kind's own Alembic branch;
    `end_of_day` takes a session and a business date; `papers` are those by which an operator verifies the company;
    `money_rights` are permissions to move money or to decide on it, for which a second factor may be asked;
    `subjects` are what its lines of the audit log are about, with the page of each; `separated` are acts that one
    person must not do both; `events` what its business tells other programs (`trilend.webhooks.events.emit`).
    """

    name: str
    label: Any
    summary: Any
    icon: str
    tables: tuple[Table, ...] = ()
    views: Callable[[], Sequence[type]] = tuple
    api: Callable[[], Sequence[Any]] = tuple
    menu: tuple[MenuGroup, ...] = ()
    roles: tuple[Role, ...] = ()
    separated: tuple[SeparatedDuties, ...] = ()
    papers: tuple[PaperKind, ...] = (BUSINESS_LICENCE, LEGAL_REPRESENTATIVE_ID, AUTHORISATION_LETTER)
    seeds: Callable[[], Sequence[Insert]] = tuple
    load_jobs: Callable[[], None] = field(default=lambda: None)
    translations: Path | None = None
    revisions: Path | None = None
    templates: Path | None = None
    template_names: Mapping[str, Any] = field(default_factory=dict)
    subjects: Mapping[str, SubjectPage | None] = field(default_factory=dict)
    events: tuple[EventType, ...] = ()
    importers: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    end_of_day: Callable[..., Any] | None = None
    points: tuple[Any, ...] = ()
    money_rights: frozenset[Permission] = frozenset()
    rank: int = 100
    home: str = ""
    overview: Callable[[Any], dict[str, Any]] | None = None
    load_demo: Callable[..., None] | None = None


@cache
def kinds() -> Mapping[str, TenantKind]:
    """All installed kinds by name, in the order in which they are offered, found by the entry point group `trilend.kinds`."""
    found = {entry.name: entry.load() for entry in entry_points(group="trilend.kinds")}
    return dict(sorted(found.items(), key=lambda item: (item[1].rank, item[0])))
