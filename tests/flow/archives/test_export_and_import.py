"""A company that is carried into another installation is the same company there."""

import json
import tracemalloc
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import text
from tests.flow.archives.conftest import DOCUMENT, Contents, Elsewhere, ask, export_to, spaces

from trilend.archives.errors import AddressTaken, NotAnArchive, WrongPassphrase
from trilend.archives.format import Reader
from trilend.archives.imports import import_company
from trilend.audit.service import SYSTEM, record
from trilend.jobs.service import enqueue
from trilend.tenancy.context import BoundTenant, bound, tenant_session

PASSPHRASE = "correct horse battery"
Company = tuple[BoundTenant, Contents]


def test_a_company_is_the_same_elsewhere(
    company: Company, elsewhere: Elsewhere, installation: Any, tmp_path: Path
) -> None:
    tenant, contents = company
    with bound(tenant):
        enqueue(tenant_session(), "parameters.close_days", {"last": "2020-01-01"})
        tenant_session.commit()
    archive = export_to(tmp_path / "company.zip", tenant)

    made = elsewhere.trilend("tenant", "import", str(archive))

    assert (made["slug"], made["state"]) == (tenant.slug, "trial")
    seen = elsewhere.look(tenant.slug, contents.identifier, contents.object_key)
    assert seen == {
        "customers": 200,
        "name": "张三",
        "identifier": contents.identifier,
        "document": len(DOCUMENT),
        "next_number": 1,
        "jobs": {"parameters.close_days": "failed"},
    }
    for table in ("audit_entry", "journal", "journal_line", "party", "ab_user"):
        rows = f"SELECT md5(string_agg(row::text, '|' ORDER BY row::text)), count(*) FROM {{}}.{table} AS row"
        here = ask(installation.database.superuser_url, rows.format(tenant.schema))
        if table != "ab_user":
            assert ask(elsewhere.database.superuser_url, rows.format(f"t_{made['id']}")) == here
        assert here[0][1] > 0
    assert elsewhere.trilend("tenant", "verify", "--tenant", tenant.slug) == {
        "equal": 1,
        "different": {},
        "behind": [],
    }


def test_an_archive_says_what_is_in_it(company: Company, archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        manifest = json.loads(opened.read("manifest.json"))
        journal = opened.read("tables/journal.csv")
    assert manifest["company"]["slug"] == company[0].slug
    assert manifest["tables"]["journal"]["rows"] == 20
    assert manifest["tables"]["journal"]["sha256"] == sha256(journal).hexdigest()
    assert list(manifest["objects"]) == [company[1].object_key]
    assert company[1].identifier not in archive.read_bytes().decode("latin-1")
    assert "schema_version" not in manifest["tables"]


def test_export_is_of_one_moment(company: Company, tmp_path: Path) -> None:
    tenant, _ = company
    late: list[str] = []

    def write_meanwhile(_done: int, _total: int, what: str) -> None:
        if not late:
            late.append(what)
            with bound(tenant):
                record(tenant_session(), SYSTEM, "party.revealed", "party", 1, reason="late")
                tenant_session.commit()

    archive = export_to(tmp_path / "moment.zip", tenant, write_meanwhile)

    with zipfile.ZipFile(archive) as opened:
        assert late
        assert late != ["audit_entry"]
        assert b"late" not in opened.read("tables/audit_entry.csv")


def test_a_taken_address_is_refused_with_one_that_is_free(company: Company, archive: Path) -> None:
    with pytest.raises(AddressTaken) as refused:
        import_company(archive, PASSPHRASE)
    assert refused.value.details["free"] == f"{company[0].slug[:27]}-2"


def test_a_company_that_is_here_already_is_refused(company: Company, archive: Path, elsewhere: Elsewhere) -> None:
    elsewhere.trilend("tenant", "import", str(archive))
    before = spaces(elsewhere.database.superuser_url)
    answer = elsewhere.trilend("tenant", "import", str(archive), "--slug", "qingshan-two", code=1)
    assert "already signed up" in answer
    assert spaces(elsewhere.database.superuser_url) == before


def test_a_wrong_passphrase_opens_nothing(archive: Path, installation: Any) -> None:
    before = spaces(installation.database.superuser_url)
    with pytest.raises(WrongPassphrase):
        import_company(archive, "wrong horse battery", slug="other-name")
    assert spaces(installation.database.superuser_url) == before


def test_one_whose_tables_are_not_those_of_its_revision_is_refused(archive: Path, elsewhere: Elsewhere) -> None:
    changed = _forged(archive, manifest_says={"revision": "0001.0001.0000000000"})
    answer = elsewhere.trilend("tenant", "import", str(changed), code=1)
    assert "built differently" in answer
    assert spaces(elsewhere.database.superuser_url) == set()


def test_a_changed_table_is_found_before_anything_is_made(archive: Path, elsewhere: Elsewhere, tmp_path: Path) -> None:
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content.replace(b"12.34", b"99.99") if name == "tables/journal.csv" else content)
    assert "tables/journal.csv was changed" in elsewhere.trilend("tenant", "import", str(changed), code=1)
    assert spaces(elsewhere.database.superuser_url) == set()
    assert ask(elsewhere.database.superuser_url, "SELECT count(*) FROM trilend.passage") == [(0,)]


def test_a_changed_manifest_is_found(archive: Path) -> None:
    with (
        pytest.raises(NotAnArchive, match="manifest was changed"),
        _rewritten(archive, {"made_at": "2001"}).open("rb") as file,
    ):
        Reader(file).key(PASSPHRASE)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_is_no_archive(archive: Path, tmp_path: Path, share: float) -> None:
    whole = archive.read_bytes()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(NotAnArchive):
        import_company(cut, PASSPHRASE, slug="cut-company")


@pytest.mark.parametrize("lie", ["a value the database writes otherwise", "a row more than there is"])
def test_what_does_not_come_in_as_it_went_out_leaves_nothing(archive: Path, elsewhere: Elsewhere, lie: str) -> None:
    # Made by somebody who knows the passphrase, so that every hash in it is right.
    changed = _forged(archive, extra_rows=1) if "row" in lie else _forged(archive, b"12.34", b"12.340")

    answer = elsewhere.trilend("tenant", "import", str(changed), code=1)

    assert "(journal)" in answer
    assert "Nothing was kept" in answer
    assert spaces(elsewhere.database.superuser_url) == set()
    assert ask(elsewhere.database.superuser_url, "SELECT count(*) FROM trilend.tenant") == [(0,)]
    assert ask(elsewhere.database.superuser_url, "SELECT stage FROM trilend.passage") == [("undone",)]
    assert elsewhere.objects == []


@pytest.mark.parametrize("name", ["../../evil", "documents/../../x", "documents/" + "A" * 32])
def test_an_object_with_a_name_that_leads_elsewhere_is_refused(archive: Path, elsewhere: Elsewhere, name: str) -> None:
    changed = _forged(archive, object_name=name)
    assert "it names an object" in elsewhere.trilend("tenant", "import", str(changed), code=1)
    assert spaces(elsewhere.database.superuser_url) == set()
    assert elsewhere.objects == []


def test_rows_pass_in_pieces_and_not_all_at_once(company: Company, tmp_path: Path) -> None:
    tenant, _ = company
    with bound(tenant):
        tenant_session.execute(
            text(
                "INSERT INTO audit_entry (actor, act, subject_type, subject_id, reason, details) SELECT 'x', 'x', 'x', "
                "n, repeat(md5(n::text), 12), '{}' FROM generate_series(1, 60000) AS n"
            )
        )
        tenant_session.commit()
    tracemalloc.start()
    archive = export_to(tmp_path / "large.zip", tenant)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with zipfile.ZipFile(archive) as opened:
        assert opened.getinfo("tables/audit_entry.csv").file_size > 25_000_000
    assert peak < 8_000_000


def _forged(
    archive: Path,
    old: bytes = b"",
    new: bytes = b"",
    *,
    extra_rows: int = 0,
    object_name: str | None = None,
    manifest_says: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """The archive with another text in the journals, one row more than there is, or another name for its object."""
    changed = archive.with_name("forged.zip")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(changed, "w") as target, archive.open("rb") as file:
        key = Reader(file).key(PASSPHRASE)
        manifest = json.loads(source.read("manifest.json")) | manifest_says
        for name in source.namelist():
            content = source.read(name)
            if name == "tables/journal.csv":
                content = content.replace(old, new) if old else content
                journal = manifest["tables"]["journal"]
                journal |= {"sha256": sha256(content).hexdigest(), "size": len(content)}
                journal["rows"] += extra_rows
            if name.startswith("objects/") and object_name:
                manifest["objects"] = {object_name: next(iter(manifest["objects"].values()))}
                name = f"objects/{object_name}"
            if not name.startswith("manifest"):
                target.writestr(name, content)
        text_ = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
        target.writestr("manifest.json", text_)
        target.writestr("manifest.hmac", key.voucher(text_))
    return changed


def _rewritten(archive: Path, changes: dict[str, Any]) -> Path:
    changed = archive.with_name("rewritten.zip")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "manifest.json":
                manifest = json.loads(content) | changes
                content = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
            target.writestr(name, content)
    return changed
