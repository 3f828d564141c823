"""Stored files of a tenant: rows, parts, damage, retention, holds, and what the sweep takes away."""

import os
import secrets
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from tests.clock import time_comes

from trilend.audit.models import AuditEntry
from trilend.audit.service import Actor
from trilend.config import settings
from trilend.db.base import now
from trilend.documents.models import Document
from trilend.storage import objects
from trilend.storage.areas import PDF, TEXT, Area
from trilend.storage.errors import (
    FileTooLarge,
    FileTypeRefused,
    ObjectDamaged,
    ObjectMissing,
    RetentionOnlyGrows,
    UnderLegalHold,
    UnderRetention,
)
from trilend.storage.models import StoredObject
from trilend.storage.stores import interface
from trilend.storage.sweeping import sweep
from trilend.tenancy.context import BoundTenant

AREA = Area("documents", types=(PDF, TEXT), megabytes=5)
CONTENT = b"%PDF-1.7\n" + secrets.token_bytes(300_000)
OFFICER = Actor("王五", 7)
TODAY = date(2026, 11, 25)


@pytest.fixture
def kept_in(store_url: str, installation: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The installation's store, once of each sort."""
    monkeypatch.setenv("TRILEND_STORAGE_URL", store_url)
    settings.cache_clear()
    yield store_url
    settings.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, installation: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The installation's store in a folder that can be tampered with."""
    monkeypatch.setenv("TRILEND_STORAGE_URL", (tmp_path / "objects").as_uri())
    settings.cache_clear()
    yield tmp_path / "objects"
    settings.cache_clear()


def put(session: Session, content: objects.Content = CONTENT, **options: Any) -> StoredObject:
    stored = objects.put(session, AREA, content, **options)
    session.commit()
    return stored


def names(tenant: BoundTenant) -> set[str]:
    return {entry.name.partition("/")[2] for entry in interface.store().entries(f"{tenant.id}/")}


def file_of(folder: Path, tenant: BoundTenant, stored: StoredObject) -> Path:
    return folder / tenant.id / stored.key


def test_a_file_has_a_row_that_says_what_it_is(kept_in: str, session: Session) -> None:
    stored = put(session, created_by=7, retain_until=date(2031, 12, 31))
    found = session.scalars(select(StoredObject)).one()
    assert (found.key, found.area, found.size) == (stored.key, "documents", len(CONTENT))
    assert (found.sha256, found.media_type, found.key_number) == (sha256(CONTENT).hexdigest(), PDF, 1)
    assert (found.created_by, found.retain_until, found.legal_hold) == (7, date(2031, 12, 31), "")
    assert (found.deleted_at, found.removed_at) == (None, None)
    assert objects.read(objects.find(session, stored.key)) == CONTENT


@pytest.mark.parametrize("first", [0, 1, 65_535, 65_536, 131_071, 250_000, 300_000])
def test_any_part_can_be_read(kept_in: str, session: Session, first: int) -> None:
    stored = put(session)
    for last in (first, first + 1, first + 65_536, len(CONTENT) - 1, len(CONTENT) + 100):
        assert b"".join(objects.pieces(stored, first, last)) == CONTENT[first : last + 1]


@pytest.mark.parametrize("length", [0, 1, 65_536, 131_072])
def test_lengths_at_the_edge_of_a_chunk_come_back(kept_in: str, session: Session, length: int) -> None:
    stored = put(session, b"x" * length)
    assert objects.read(stored) == b"x" * length
    if length:
        assert b"".join(objects.pieces(stored, length - 1)) == b"x"


def test_a_refused_file_leaves_no_row_and_nothing_in_the_store(
    kept_in: str, session: Session, tenant: BoundTenant
) -> None:
    with pytest.raises(FileTypeRefused):
        put(session, b"MZ\x90\x00" + bytes(1000))
    with pytest.raises(FileTooLarge, match="at most 5 MB"):
        put(session, (b"x" * 65_536 for _ in range(81)))
    assert names(tenant) == set()
    assert session.scalar(select(func.count()).select_from(StoredObject)) == 0


@pytest.mark.parametrize(
    "tampered",
    [
        lambda sealed: sealed[:-1],
        lambda sealed: sealed[: len(sealed) // 2],
        lambda sealed: sealed[:52],
        lambda sealed: sealed + b"\x00",
        lambda sealed: sealed[:100] + bytes([sealed[100] ^ 1]) + sealed[101:],
        lambda sealed: sealed[:30] + bytes([sealed[30] ^ 1]) + sealed[31:],
        lambda sealed: b"",
    ],
)
def test_a_file_that_was_tampered_with_does_not_open(
    folder: Path, session: Session, tenant: BoundTenant, tampered: Callable[[bytes], bytes]
) -> None:
    stored = put(session)
    file = file_of(folder, tenant, stored)
    file.write_bytes(tampered(file.read_bytes()))
    with pytest.raises(ObjectDamaged, match="damaged"):
        objects.read(stored)


def test_a_file_in_the_place_of_another_does_not_open(folder: Path, session: Session, tenant: BoundTenant) -> None:
    mine, other = put(session), put(session, b"another contract")
    file_of(folder, tenant, mine).write_bytes(file_of(folder, tenant, other).read_bytes())
    with pytest.raises(ObjectDamaged):
        objects.read(mine)
    assert objects.read(other) == b"another contract"


def test_a_file_that_is_gone_is_said_to_be_missing(folder: Path, session: Session, tenant: BoundTenant) -> None:
    stored = put(session)
    file_of(folder, tenant, stored).unlink()
    with pytest.raises(ObjectMissing, match="missing"):
        objects.read(stored)


def test_the_digest_in_the_row_is_held_against_the_content(folder: Path, session: Session) -> None:
    stored = put(session)
    session.refresh(stored)
    session.expunge(stored)
    stored.sha256 = "0" * 64
    with pytest.raises(ObjectDamaged):
        objects.read(stored)


def test_what_was_begun_can_be_read_to_its_end_without_a_tenant(kept_in: str, tenant: BoundTenant) -> None:
    from trilend.tenancy.context import bound, tenant_session

    with bound(tenant):
        stored = put(tenant_session())
        whole, part = objects.pieces(stored), objects.pieces(stored, 70_000, 200_000)
    assert b"".join(whole) == CONTENT
    assert b"".join(part) == CONTENT[70_000:200_001]


def test_a_file_under_retention_is_deleted_only_after_its_last_day(
    kept_in: str, session: Session, tenant: BoundTenant
) -> None:
    stored = put(session, retain_until=date(2020, 5, 31))
    with pytest.raises(UnderRetention, match="kept until 2020-05-31"):
        objects.delete(session, OFFICER, stored, today=date(2020, 5, 31), reason="asked for")
    session.rollback()
    assert objects.read(objects.find(session, stored.key)) == CONTENT
    objects.delete(session, OFFICER, stored, today=date(2020, 6, 1), reason="asked for")
    session.commit()
    with pytest.raises(ObjectMissing):
        objects.find(session, stored.key)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "object.deleted")).one()
    assert (entry.actor, entry.subject_id, entry.reason) == ("王五", stored.id, "asked for")


def test_a_file_under_a_legal_hold_is_not_deleted_until_it_is_lifted(kept_in: str, session: Session) -> None:
    stored = put(session)
    objects.hold(session, OFFICER, stored, "(2026) 沪 0115 民初 1 号")
    session.commit()
    with pytest.raises(UnderLegalHold, match="民初 1 号"):
        objects.delete(session, OFFICER, stored, today=TODAY, reason="asked for")
    session.rollback()
    assert objects.read(objects.find(session, stored.key)) == CONTENT
    objects.lift_hold(session, OFFICER, stored, "case closed")
    objects.delete(session, OFFICER, stored, today=TODAY, reason="asked for")
    session.commit()
    acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
    assert acts[-3:] == ["object.held", "object.hold_lifted", "object.deleted"]


def test_retention_can_be_put_off_and_not_brought_forward(kept_in: str, session: Session) -> None:
    stored = put(session, retain_until=date(2030, 1, 1))
    objects.retain(session, OFFICER, stored, date(2031, 1, 1), "loan extended")
    session.commit()
    with pytest.raises(RetentionOnlyGrows):
        objects.retain(session, OFFICER, stored, date(2030, 12, 31), "mistake")
    session.rollback()
    assert objects.find(session, stored.key).retain_until == date(2031, 1, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {schema}.stored_object",
        "UPDATE {schema}.stored_object SET sha256 = repeat('0', 64)",
        "UPDATE {schema}.stored_object SET key = 'documents/{other}'",
        "UPDATE {schema}.stored_object SET retain_until = NULL",
        "UPDATE {schema}.stored_object SET retain_until = retain_until - 1",
        "UPDATE {schema}.stored_object SET deleted_at = now()",
        "UPDATE {schema}.stored_object SET deleted_at = now(), legal_hold = ''",
    ],
)
def test_the_database_itself_refuses_to_let_go_of_what_must_be_kept(
    installation: Any, session: Session, tenant: BoundTenant, statement: str
) -> None:
    stored = put(session, retain_until=now().date() + timedelta(days=30))
    objects.hold(session, OFFICER, stored, "case")
    session.commit()
    text = statement.format(schema=tenant.schema, other="0" * 32)
    with (
        psycopg.connect(installation.database.owner_url) as owner,
        pytest.raises(psycopg.errors.IntegrityConstraintViolation),
    ):
        owner.execute(text.encode())
    session.expire_all()
    assert objects.read(objects.find(session, stored.key)) == CONTENT


def test_a_hold_put_on_while_a_file_is_being_deleted_wins(installation: Any, session: Session) -> None:
    stored = put(session)
    objects.hold(session, OFFICER, stored, "case")
    session.commit()
    stored.deleted_at = now()
    with pytest.raises(IntegrityError, match="has to be kept"):
        session.commit()
    session.rollback()
    assert objects.find(session, stored.key).legal_hold == "case"


def test_the_sweep_takes_what_no_transaction_has_kept_after_the_time_of_grace(
    kept_in: str, session: Session, tenant: BoundTenant
) -> None:
    kept = put(session)
    lost = objects.put(session, AREA, CONTENT).key
    session.rollback()
    assert names(tenant) == {kept.key, lost}
    assert sweep(session).orphans == 0
    assert names(tenant) == {kept.key, lost}
    report = sweep(session, before=now() + timedelta(seconds=5))
    assert (report.seen, report.orphans, report.deleted) == (2, 1, 0)
    assert names(tenant) == {kept.key}
    assert objects.read(kept) == CONTENT


def test_the_sweep_removes_what_was_deleted_after_the_time_of_grace_and_its_row_stays(
    kept_in: str, session: Session, tenant: BoundTenant
) -> None:
    stored = put(session)
    objects.delete(session, OFFICER, stored, today=TODAY, reason="asked for")
    session.commit()
    assert sweep(session).deleted == 0
    assert names(tenant) == {stored.key}
    assert sweep(session, before=now() + timedelta(seconds=5)).deleted == 1
    assert names(tenant) == set()
    session.expire_all()
    row = session.scalars(select(StoredObject)).one()
    assert row.deleted_at is not None
    assert row.removed_at is not None
    assert sweep(session, before=now() + timedelta(seconds=5)).deleted == 0


def test_the_sweep_gives_a_row_to_the_file_of_a_document_of_the_release_before(
    folder: Path, session: Session, tenant: BoundTenant
) -> None:
    key = f"documents/{secrets.token_hex(16)}"
    file = folder / tenant.id / key
    file.parent.mkdir(parents=True)
    file.write_bytes(b"sealed by the release before")
    digest = sha256(b"x").hexdigest()
    common = {
        "subject_type": "loan",
        "kind": "contract",
        "title": "合同",
        "media_type": PDF,
        "sha256": digest,
        "size": 1,
    }
    session.add_all(Document(subject_id=number, object_key=key, **common) for number in (1, 2))
    session.commit()
    os.utime(file, (0, 0))
    report = sweep(session)
    assert (report.adopted, report.orphans) == (1, 0)
    assert file.exists()
    row = objects.find(session, key)
    assert (row.area, row.size, row.sha256, row.media_type, row.key_number) == ("documents", 1, digest, PDF, 1)


def test_the_sweep_of_one_tenant_leaves_anothers_files_alone(
    kept_in: str, session: Session, tenant: BoundTenant, new_tenant: Callable[..., BoundTenant]
) -> None:
    other = new_tenant()
    interface.store().write(f"{other.id}/documents/{'0' * 32}", [b"theirs"])
    interface.store().write(f"{tenant.id}/documents/{'0' * 32}", [b"mine"])
    interface.store().write(f"{tenant.id}/something/else.txt", [b"not ours to judge"])
    assert sweep(session, before=now() + timedelta(seconds=5)).orphans == 1
    assert names(other) == {f"documents/{'0' * 32}"}
    assert names(tenant) == {"something/else.txt"}


def test_the_sweep_is_a_job_of_every_night(session: Session, run_jobs: Callable[[], int], tenant: BoundTenant) -> None:
    from trilend.jobs.models import Job, JobState

    time_comes(session, "sweep_files")
    run_jobs()
    job = session.scalars(select(Job).where(Job.name == "storage.sweep")).one()
    assert (job.state, job.result["seen"] if job.result else None) == (JobState.DONE, 0)
