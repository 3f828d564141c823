"""A company's papers as the company sees them: what is needed, what is there, and how it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import case, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from trilend.audit.service import Actor, record
from trilend.company.errors import InvalidPaper, UnknownPaper
from trilend.company.models import CompanyPaper, PaperIndex, PaperState
from trilend.kinds import PaperKind, kinds
from trilend.storage import objects
from trilend.storage.areas import JPEG, PDF, PNG, Area
from trilend.tenancy.context import BoundTenant, RegistrySession, current_tenant
from trilend.tenancy.names import is_uscc
from trilend.tenancy.plans.service import check_storage

MOST_BYTES = 10 * 1024 * 1024
EXPIRING_DAYS = 60
AREA = Area("papers", types=(PDF, PNG, JPEG), megabytes=10)
_CHINA = ZoneInfo("Asia/Shanghai")
_TYPES = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True)
class Entered:
    """What a company says of a paper: the file and what stands on it."""

    file_name: str
    content: bytes
    holder: str
    number: str
    valid_from: date | None
    valid_until: date | None


@dataclass(frozen=True)
class PaperStatus:
    """One kind of paper: the one in force, if any, and the newest that was sent."""

    kind: PaperKind
    in_force: CompanyPaper | None
    newest: CompanyPaper | None
    today: date

    @property
    def state(self) -> str:
        """`missing`, `submitted`, `rejected`, `accepted`, `expiring` or `expired`."""
        if self.newest is not None and self.newest.state in (PaperState.SUBMITTED, PaperState.REJECTED):
            return str(self.newest.state)
        return state_of(self.in_force.valid_until, self.today) if self.in_force else "missing"

    @property
    def counts(self) -> bool:
        """Whether a paper of this kind is accepted and has not run out."""
        end = self.in_force.valid_until if self.in_force else None
        return self.in_force is not None and (end is None or end >= self.today)


def state_of(valid_until: date | None, today: date) -> str:
    """How an accepted paper stands: `accepted`, `expiring` within 60 days, or `expired`."""
    if valid_until is None or valid_until > today + timedelta(days=EXPIRING_DAYS):
        return "accepted"
    return "expiring" if valid_until >= today else "expired"


def today_in_china() -> date:
    """The day by which papers run out."""
    return datetime.now(_CHINA).date()


def paper_kind(name: str) -> PaperKind:
    """A kind of paper that the bound tenant needs; raises `UnknownPaper`."""
    for kind in kinds()[current_tenant().kind].papers:
        if kind.name == name:
            return kind
    raise UnknownPaper


def paper_statuses(session: Session) -> Sequence[PaperStatus]:
    """All kinds of paper that the bound tenant needs, and how each stands: one query."""
    newest_first = session.scalars(
        select(CompanyPaper).where(CompanyPaper.state != PaperState.REPLACED).order_by(CompanyPaper.id.desc())
    ).all()
    today = today_in_china()
    return [
        PaperStatus(
            kind,
            next((row for row in newest_first if row.kind == kind.name and row.state == PaperState.ACCEPTED), None),
            next((row for row in newest_first if row.kind == kind.name), None),
            today,
        )
        for kind in kinds()[current_tenant().kind].papers
    ]


def submit_paper(session: Session, actor: Actor, kind_name: str, entered: Entered) -> CompanyPaper:
    """Keep a paper for the operators to verify; one that still waited is replaced. Raises `InvalidPaper`, `StorageUsedUp`.

    The file is in the store before the row is written; the caller commits, then calls `index_papers`.
    """
    kind = paper_kind(kind_name)
    _check(kind, entered)
    check_storage(session, len(entered.content))
    for earlier in session.scalars(
        select(CompanyPaper).where(
            CompanyPaper.kind == kind.name, CompanyPaper.state.in_((PaperState.SUBMITTED, PaperState.REJECTED))
        )
    ):
        earlier.state = PaperState.REPLACED
    paper = CompanyPaper(
        kind=kind.name,
        facts={"holder": entered.holder.strip(), "number": entered.number.strip().upper()},
        valid_from=entered.valid_from,
        valid_until=entered.valid_until if kind.runs_out else None,
        object_key=objects.put(session, AREA, entered.content, created_by=actor.user_id).key,
        file_name=entered.file_name[-200:],
        media_type=_media_type(entered.content),
        size=len(entered.content),
        submitted_by=actor.user_id,
        submitter=actor.name,
    )
    session.add(paper)
    session.flush()
    record(session, actor, "company.paper_submitted", "company_paper", paper.id, kind=kind.name)
    return paper


def paper_file(session: Session, paper_id: int) -> tuple[CompanyPaper, bytes]:
    """A paper of the bound tenant and its file; raises `UnknownPaper`."""
    paper = paper_of(session, paper_id)
    return paper, objects.read(objects.find(session, paper.object_key))


def paper_of(session: Session, paper_id: int) -> CompanyPaper:
    """A paper of the bound tenant; raises `UnknownPaper`."""
    paper = session.get(CompanyPaper, paper_id)
    if paper is None:
        raise UnknownPaper
    return paper


def index_papers(session: Session, tenant: BoundTenant) -> None:
    """Tell the registry how the bound tenant's papers stand, as its own rows say it."""
    rows = [
        {
            "tenant_id": tenant.id,
            "kind": status.kind.name,
            "state": status.newest.state,
            "valid_until": status.in_force.valid_until if status.in_force else None,
            "submitted_at": status.newest.created_at,
        }
        for status in paper_statuses(session)
        if status.newest is not None
    ]
    if not rows:
        return
    told = insert(PaperIndex).values(rows)
    changed: dict[str, Any] = {name: told.excluded[name] for name in ("state", "valid_until", "submitted_at")}
    # A paper that is in force longer is reminded of anew.
    same_end = PaperIndex.valid_until.is_not_distinct_from(told.excluded.valid_until)
    changed["reminded_days"] = case((same_end, PaperIndex.reminded_days), else_=None)
    with RegistrySession() as registry:
        registry.execute(told.on_conflict_do_update(index_elements=["tenant_id", "kind"], set_=changed))
        registry.commit()


def _check(kind: PaperKind, entered: Entered) -> None:
    wrong = {}
    if not entered.content:
        wrong["file"] = _l("Choose the file with the paper.")
    elif len(entered.content) > MOST_BYTES:
        wrong["file"] = _l("The file is larger than 10 MB. Send a smaller picture or a PDF.")
    elif not _media_type(entered.content):
        wrong["file"] = _l("Send a PDF, JPEG or PNG file: this is none.")
    if not entered.holder.strip():
        wrong["holder"] = _l("Enter the name as it is written on the paper.")
    number = entered.number.strip().upper()
    if not number:
        wrong["number"] = _l("Enter the number as it is written on the paper.")
    elif "uscc" in kind.checks and not is_uscc(number):
        wrong["number"] = _l("This is not a unified social credit code: check its 18 characters.")
    elif "resident_id" in kind.checks and not _is_resident_id(number):
        wrong["number"] = _l("This is not a resident id number: check its 18 characters.")
    wrong |= _wrong_dates(entered) if kind.runs_out else {}
    if wrong:
        raise InvalidPaper(wrong)


def _wrong_dates(entered: Entered) -> dict[str, object]:
    if entered.valid_until is None:
        return {}
    if entered.valid_until < today_in_china():
        return {"valid_until": _l("This paper has run out already. Send the one that is in force.")}
    if entered.valid_from is not None and entered.valid_from > entered.valid_until:
        return {"valid_until": _l("The end lies before the beginning.")}
    return {}


def _is_resident_id(number: str) -> bool:
    try:
        ric.validate(number)
    except ValidationError:
        return False
    return True


def _media_type(content: bytes) -> str:
    return next((media_type for start, media_type in _TYPES.items() if content.startswith(start)), "")
