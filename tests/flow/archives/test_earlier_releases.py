"""An archive of an earlier release comes in as it was, is brought to this release, and equals a fresh company afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text
from tests import releases
from tests.flow.archives.conftest import Contents, ask, export_to, spaces
from tests.flow.archives.test_export_and_import import PASSPHRASE, _forged
from tests.flow.migration.next_release import NextRelease
from tests.numbers import new_uscc

from trilend.archives.errors import NewerRelease, NotAnArchive, NotBroughtForward, NotFaithful
from trilend.archives.imports import import_company
from trilend.audit.verification import verify_chain
from trilend.jobs.models import Job, JobState
from trilend.parties.models import Party
from trilend.parties.service import find_party
from trilend.storage.keys import KeyRing, new_wrapped_key, unwrap
from trilend.storage.objects import find, read, write_sealed
from trilend.storage.seals import RingSeals
from trilend.tenancy.context import BoundTenant, RegistrySession, bound, tenant_session
from trilend.tenancy.migration.steps import Position, steps_until, targets
from trilend.tenancy.migration.verification import verify_fleet
from trilend.tenancy.models import DataKey, Tenant, TenantState
from trilend.tenancy.names import look_of
from trilend.tenancy.provisioning import drop_space
from trilend.tenancy.servers import cell_login, owner_connection
from trilend.tenancy.service import new_id, tenant_by_id

IDENTIFIER, KEY = "11010119900307721X", f"documents/{'0a' * 16}"
CONTENT = "签过字的合同".encode() * 100
Company = tuple[BoundTenant, Contents]


@dataclass(frozen=True)
class Old:
    """An archive that an earlier release made, and whose it is."""

    file: Path
    slug: str


@pytest.fixture(params=["-.-.0000000000", "0005.0001.0000000000"])
def old(request: pytest.FixtureRequest, installation: Any, tmp_path: Path) -> Old:
    """The archive of a company as it was at a revision; the company itself is gone."""
    return make_archive(tmp_path / "old.zip", str(request.param))


def make_archive(file: Path, revision: str) -> Old:
    slug = f"old-{new_id()}"
    wrapped = new_wrapped_key()
    with RegistrySession() as registry:
        tenant = Tenant(
            id=new_id(), slug=slug, look=look_of(slug), kind="microfinance", name="旧公司", uscc=new_uscc(),
            state=TenantState.TRIAL, revision=revision,
        )  # fmt: skip
        registry.add(tenant)
        registry.flush()
        registry.add(DataKey(tenant_id=tenant.id, number=1, wrapped=wrapped))
        registry.commit()
        tenant_id = tenant.id
    seals = RingSeals(KeyRing({1: unwrap(wrapped)}, 1))
    with owner_connection("primary") as owner:
        releases.make_space(owner, "microfinance", f"t_{tenant_id}")
        for step in steps_until("microfinance", Position.read(revision)):
            owner.execute(step.text(f"t_{tenant_id}", cell_login(0)).encode())
        enter_rows(owner, seals, has_objects=not revision.startswith("-"))
    with bound(tenant_by_id(tenant_id)):
        write_sealed(KEY, 1, [CONTENT])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trilend.archives.export.targets", lambda: {"microfinance": revision})
        export_to(file, tenant_by_id(tenant_id))
    with owner_connection("primary") as owner, RegistrySession() as registry:
        drop_space(owner, f"t_{tenant_id}")
        registry.execute(delete(Tenant).where(Tenant.id == tenant_id))
        registry.commit()
    return Old(file, slug)


def enter_rows(owner: Any, seals: RingSeals, *, has_objects: bool) -> None:
    """What the company had entered, by statements that every revision understands."""
    from hashlib import sha256

    owner.execute(
        "INSERT INTO party (kind, name, identifier, identifier_index, identifier_doubtful, mobile, legal_representative, "
        "account_number, account_index, account_bank) VALUES ('person', '张三', %s, %s, false, %s, '', %s, '', '')",
        (seals.seal_text(IDENTIFIER), seals.blind_index(IDENTIFIER), seals.seal_text("1380"), seals.seal_text("62")),
    )
    owner.execute(
        "INSERT INTO audit_entry (actor, act, subject_type, subject_id, reason, details) "
        "SELECT '陈静', 'act.' || n, 'party', n, '原因', '{}' FROM generate_series(1, 20) AS n"
    )
    digest = sha256(CONTENT).hexdigest()
    owner.execute(
        "INSERT INTO document (subject_type, subject_id, kind, title, media_type, object_key, sha256, size) "
        "VALUES ('loan', 1, 'contract', '合同', 'text/plain', %s, %s, %s)",
        (KEY, digest, len(CONTENT)),
    )
    if has_objects:
        owner.execute(
            "INSERT INTO stored_object (key, area, size, sha256, media_type, key_number) "
            "VALUES (%s, 'documents', %s, %s, 'text/plain', 1)",
            (KEY, len(CONTENT), digest),
        )
    owner.execute(
        "INSERT INTO job (name, payload, state, attempts, done_steps, total_steps, note) "
        "VALUES ('parameters.close_days', '{}', 'queued', 0, 0, 0, '')"
    )
    owner.execute("UPDATE business_day SET closed_days = 7")


@pytest.fixture
def forgotten(installation: Any) -> Iterator[list[str]]:
    """Companies that a test leaves, which nobody looks for afterwards."""
    slugs: list[str] = []
    yield slugs
    with RegistrySession() as registry:
        for tenant in registry.scalars(select(Tenant).where(Tenant.slug.in_(slugs))):
            tenant.state = TenantState.CLOSED
        registry.commit()


def test_it_is_the_same_company_at_this_release(old: Old, forgotten: list[str]) -> None:
    forgotten.append(old.slug)
    made = import_company(old.file, PASSPHRASE)

    assert (made.slug, made.revision) == (old.slug, targets()["microfinance"])
    report = verify_fleet([old.slug])
    assert (report.equal, report.different, report.behind) == (1, {}, [])
    with bound(made):
        session = tenant_session()
        party = find_party(session, IDENTIFIER)
        assert party is not None
        assert (party.name, party.identifier, party.mobile) == ("张三", IDENTIFIER, "1380")
        assert session.scalars(select(Party.id)).all() == [party.id]
        assert read(find(session, KEY)) == CONTENT
        assert session.execute(text("SELECT closed_days FROM business_day")).scalars().all() == [7]
        # What waited is set aside, and so is what a step of this release has asked for: the night's round makes it good.
        assert set(session.scalars(select(Job.state))) == {JobState.FAILED}
        assert session.scalar(text("SELECT count(*) FROM audit_link")) == 20
        assert verify_chain(session).problem is None
        roles = set(session.scalars(text("SELECT name FROM ab_role")))
        assert {"Admin", "Cashier", "Auditor"} <= roles
        pages = text("SELECT count(*) FROM ab_view_menu WHERE name = 'KeptFiles'")
        assert session.scalar(pages) == 1, "permissions of this release are there"


def test_what_differs_from_its_manifest_is_not_kept(installation: Any, tmp_path: Path) -> None:
    old = make_archive(tmp_path / "old.zip", "0005.0001.0000000000")
    before = spaces(installation.database.superuser_url)
    with pytest.raises(NotFaithful):
        import_company(_forged(old.file, extra_rows=1), PASSPHRASE)
    assert_nothing_kept(installation, before, old.slug)


def test_what_cannot_be_brought_forward_is_not_kept(
    company: Company, archive: Path, installation: Any, tmp_path: Path
) -> None:
    before = spaces(installation.database.superuser_url)
    release = NextRelease(tmp_path / "next")
    release.folder.mkdir()
    release.adds("microfinance", 'op.execute("ALTER TABLE no_such_table ADD COLUMN note text")')
    with pytest.MonkeyPatch.context() as patch, release.running():
        # As if this were another installation, which does not have the company.
        patch.setattr("trilend.archives.landing.is_company_free", lambda _registry, _uscc: True)
        with pytest.raises(NotBroughtForward, match="no_such_table"):
            import_company(archive, PASSPHRASE, slug="brought-forward")
    assert_nothing_kept(installation, before, "brought-forward")


def test_a_newer_archive_is_refused_with_what_to_do(archive: Path, installation: Any) -> None:
    before = spaces(installation.database.superuser_url)
    for revision in ("9999.0002.0000000000", "0005.9999.0000000000"):
        with pytest.raises(NewerRelease) as refused:
            import_company(_forged(archive, manifest_says={"revision": revision}), PASSPHRASE, slug="newer-one")
        assert f"newer release ({revision})" in str(refused.value)
        assert "trilend migrate" in str(refused.value)
    for revision in ("c0ffee00c0ffee00", ""):
        with pytest.raises(NotAnArchive, match="revision"):
            import_company(_forged(archive, manifest_says={"revision": revision}), PASSPHRASE, slug="newer-one")
    assert_nothing_kept(installation, before, "newer-one")


def assert_nothing_kept(installation: Any, before: set[str], slug: str) -> None:
    assert spaces(installation.database.superuser_url) == before
    url = installation.database.superuser_url
    assert ask(url, "SELECT count(*) FROM trilend.tenant WHERE slug = %s", slug) == [(0,)]
    assert ask(url, "SELECT count(*) FROM trilend.passage WHERE slug = %s AND finished_at IS NULL", slug) == [(0,)]
