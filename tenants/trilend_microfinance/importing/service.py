"""Imports applications: good rows wholly, bad rows not at all, a row that is known already not again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.audit.changes import changed, snapshot
from trilend.audit.service import Actor, line
from trilend.documents.models import Document
from trilend.documents.service import content_of, document, file_document
from trilend.errors import NotFound
from trilend.identity.service import actor_of
from trilend.jobs.forgetting import Holder, declare_holder
from trilend.jobs.service import JobRun, Queue, enqueue, handles
from trilend.notices.service import tell
from trilend.notices.sorts import Sort, declare_sort
from trilend.organization.sight import seen_by
from trilend.parties.errors import InvalidParty
from trilend.parties.identifiers import check_digit_skips_last_place, checked_identifier, has_resident_id_form
from trilend.parties.models import Party, PartyKind
from trilend.parties.service import PartyData, add_parties, checked, parties_by_identifier, recorded
from trilend.search.service import keep
from trilend.tenancy.context import tenant_session
from trilend_microfinance.applications.errors import InvalidApplication
from trilend_microfinance.applications.finding import APPLICATIONS
from trilend_microfinance.applications.service import (
    ApplicationData,
    as_row,
    check_against_product,
    taken_numbers,
)
from trilend_microfinance.applications.telling import tell_waiting
from trilend_microfinance.importing.models import ImportBatch
from trilend_microfinance.importing.workbook import (
    ApplicationRow,
    BadRow,
    SheetRow,
    parse,
    read_rows,
    write_rejected,
)
from trilend_microfinance.products.models import Product
from trilend_microfinance.products.service import default_products

SUBJECT = "import_batch"
JOB = "microfinance.import"
_FEWEST_ALIKE, _SHARE_ALIKE = 20, 0.9
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

declare_holder(
    Holder(
        lambda: select(ImportBatch.job_id).where(ImportBatch.job_id.is_not(None)),
        of=lambda kind: kind == "microfinance",
    )
)


@dataclass
class ImportOutcome:
    """What became of the rows of a workbook."""

    imported: int = 0
    known: int = 0
    doubtful: int = 0
    rejected: list[tuple[SheetRow, str]] = field(default_factory=list)

    @property
    def rejected_workbook(self) -> bytes:
        """The rejected rows as they were, with their reasons (XLSX)."""
        return write_rejected(self.rejected)


@dataclass(frozen=True)
class _Accepted:
    sheet_row: SheetRow
    row: ApplicationRow
    product: Product


def import_applications(session: Session, actor: Actor, content: bytes) -> ImportOutcome:
    """Import a workbook in the caller's transaction; raises `UnreadableWorkbook`.

    The queries do not grow with the rows: what is known is read in sets, what is new is written in sets.
    """
    outcome = ImportOutcome()
    accepted = _accept(session, read_rows(content), outcome)
    parties = _parties(session, actor, accepted, outcome)
    added = []
    for entry in accepted:
        party = parties.get(entry.row.party.identifier)
        if party is not None and party.name == entry.row.party.name:
            added.append(as_row(_data(entry, party), entry.row.number, actor))
    session.add_all(added)
    session.flush()
    keep(session, APPLICATIONS, added)
    tell_waiting(session, actor, added)
    session.add_all(
        line(actor, "application.imported", "loan_application", application.id, number=application.number)
        for application in added
    )
    outcome.imported = len(added)
    outcome.doubtful = sum(party.identifier_doubtful for party in parties.values())
    outcome.rejected.sort(key=lambda rejected: rejected[0].line)
    return outcome


def begin_import(session: Session, actor: Actor, *, file_name: str, content: bytes) -> ImportBatch:
    """File a workbook and start the job that imports it; raises `UnreadableWorkbook` before anything is filed."""
    read_rows(content)
    batch = ImportBatch(file_name=file_name[:200], created_by=actor.user_id)
    session.add(batch)
    session.flush()
    batch.document_id = _file(session, batch, "workbook", file_name, content).id
    batch.job_id = enqueue(session, JOB, {"batch": batch.id}, created_by=actor.user_id).id
    return batch


def batch(session: Session, batch_id: int) -> ImportBatch:
    """One import; raises `NotFound`."""
    found = session.scalar(select(ImportBatch).where(ImportBatch.id == batch_id))
    if found is None:
        raise NotFound(_l("This import does not exist."), id=batch_id)
    return found


def batches(session: Session) -> Sequence[ImportBatch]:
    """The newest imports."""
    return session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc()).limit(20)).all()


@handles(JOB, label=_l("Importing"), queue=Queue.BATCH)
def _import(run: JobRun) -> dict[str, int]:
    session = tenant_session()
    found = session.get_one(ImportBatch, run.payload["batch"], with_for_update=True)
    if found.document_id is None or found.imported or found.known or found.rejected:
        return {}
    content = content_of(document(session, found.document_id))
    run.progress(1, 2)
    with seen_by(found.created_by):
        outcome = import_applications(session, actor_of(session, found.created_by), content)
    found.imported, found.known, found.rejected = outcome.imported, outcome.known, len(outcome.rejected)
    found.doubtful = outcome.doubtful
    if outcome.rejected:
        name = f"退回-{found.file_name}"
        found.rejected_document_id = _file(session, found, "rejected", name, outcome.rejected_workbook).id
    _tell_imported(session, found)
    session.commit()
    run.progress(2, 2)
    return {"imported": found.imported, "known": found.known, "rejected": found.rejected}


IMPORTED = declare_sort(
    Sort(
        "import_finished",
        _l("A workbook I imported was read"),
        lambda data: gettext(
            "%(name)s was read: %(imported)d imported, %(known)d known already, %(rejected)d sent back.", **data
        ),
        "file-import",
        "success",
        concerns=(("can_import", "Applications"),),
        kind="microfinance",
    )
)


def _tell_imported(session: Session, found: ImportBatch) -> None:
    if found.created_by is None:
        return
    data = {"name": found.file_name, "imported": found.imported, "known": found.known, "rejected": found.rejected}
    url = f"/imports/{found.id}"
    tell(session, IMPORTED, [found.created_by], data=data, url=url, key=f"import.{found.id}")


def _accept(session: Session, rows: Sequence[SheetRow], outcome: ImportOutcome) -> list[_Accepted]:
    """The rows that can be imported; the others go to `outcome` with their reason."""
    systematic = has_systematic_fault(rows)
    products = default_products(session)
    known = _known_numbers(session, rows)
    taken: set[str] = set()
    accepted = []
    for sheet_row in rows:
        number = str(sheet_row.cells.get("申请编号") or "").strip()
        if number in known:
            outcome.known += 1
            continue
        if number and number in taken:
            message = _l("The application number %(number)s is used by an earlier row.", number=number)
            outcome.rejected.append((sheet_row, str(message)))
            continue
        try:
            entry = _checked(sheet_row, products, systematic)
        except (BadRow, InvalidParty, InvalidApplication) as error:
            outcome.rejected.append((sheet_row, str(error)))
            continue
        taken.add(number)
        accepted.append(entry)
    return accepted


def has_systematic_fault(rows: Sequence[SheetRow]) -> bool:
    """Whether wrong check digits of this file's resident ids come from the program that wrote it.

    A typing error hits one number. Where twenty or more are wrong and nine in ten of these in the same way (the
    17th digit left out of the sum), the numbers were not mistyped: they come in, marked to be verified, and the page
    of the import says so. Any other wrong number is sent back.
    """
    numbers = [_identifier(row) for row in rows]
    wrong = [number for number in numbers if has_resident_id_form(number) and not _is_right(number)]
    alike = sum(check_digit_skips_last_place(number) for number in wrong)
    return len(wrong) >= _FEWEST_ALIKE and alike >= _SHARE_ALIKE * len(wrong)


def _identifier(row: SheetRow) -> str:
    return str(row.cells.get("证件号码") or "").strip().upper()


def _is_right(number: str) -> bool:
    try:
        checked_identifier(PartyKind.PERSON, number)
    except InvalidParty:
        return False
    return True


def _checked(sheet_row: SheetRow, products: Mapping[str, Product], systematic: bool) -> _Accepted:
    row = parse(sheet_row)
    number = row.party.identifier
    doubtful = systematic and check_digit_skips_last_place(number) and not _is_right(number)
    row = replace(row, party=checked(replace(row.party, identifier_doubtful=doubtful), row.applied_on))
    product = products.get(row.method)
    if product is None:
        raise BadRow(str(_l("No product of this company uses this repayment method.")))
    entry = _Accepted(sheet_row, row, product)
    check_against_product(_data(entry, None))
    return entry


def _parties(
    session: Session, actor: Actor, accepted: Sequence[_Accepted], outcome: ImportOutcome
) -> Mapping[str, Party]:
    """Parties of the accepted rows by identifier: those that are known, and the new ones, added."""
    wanted: dict[str, PartyData] = {}
    for entry in accepted:
        wanted.setdefault(entry.row.party.identifier, entry.row.party)
    found = parties_by_identifier(session, list(wanted))
    taken = recorded(session, list(wanted)) - found.keys()
    fresh = [data for identifier, data in wanted.items() if identifier not in found and identifier not in taken]
    added = add_parties(session, actor, fresh)
    session.add_all(
        line(actor, "party.imported", "party", party.id, changes=changed(None, snapshot(party)), name=party.name)
        for party in added
    )
    found |= {party.identifier: party for party in added}
    for entry in accepted:
        if entry.row.party.identifier in taken:
            outcome.rejected.append((entry.sheet_row, str(_l("A colleague looks after this customer."))))
        elif found[entry.row.party.identifier].name != entry.row.party.name:
            message = _l("This identifier belongs to a customer of another name.")
            outcome.rejected.append((entry.sheet_row, str(message)))
    return found


def _known_numbers(session: Session, rows: Sequence[SheetRow]) -> set[str]:
    return taken_numbers(session, {str(row.cells.get("申请编号") or "").strip() for row in rows})


def _data(entry: _Accepted, party: Party | None) -> ApplicationData:
    row = entry.row
    return ApplicationData(
        party_id=party.id if party else 0,
        product=entry.product,
        amount=row.amount,
        periods=row.periods,
        annual_rate=row.annual_rate,
        purpose=row.purpose,
        applied_on=row.applied_on,
        number=row.number,
    )


def _file(session: Session, found: ImportBatch, kind: str, name: str, content: bytes) -> Document:
    return file_document(
        session,
        subject_type=SUBJECT,
        subject_id=found.id,
        kind=kind,
        title=name[:200],
        media_type=XLSX,
        content=content,
    )
