"""The operator's commands for files and keys, as they are typed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from trilend.audit.models import AuditEntry
from trilend.cli.main import cli
from trilend.documents.service import AREA
from trilend.storage import objects, rotation
from trilend.tenancy.context import BoundTenant, bound, tenant_session
from trilend.tenancy.service import tenant_by_id


@pytest.fixture(autouse=True)
def _no_waiting(installation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "CACHE_SECONDS", 0)


def trilend(*arguments: str, code: int = 0) -> Any:
    ended = CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False)
    assert ended.exit_code == code, ended.output
    return json.loads(ended.output) if not code or ended.output.startswith("{") else ended.output


def put(tenant: BoundTenant, content: bytes = b"contract") -> str:
    with bound(tenant):
        stored = objects.put(tenant_session(), AREA, content)
        tenant_session().commit()
        return stored.key


def test_a_key_is_exchanged_and_all_sealed_anew_at_once(tenant: BoundTenant) -> None:
    key = put(tenant)
    answer = trilend("tenant", "rotate-key", "--tenant", tenant.slug, "--here")
    assert answer["number"] == 2
    with bound(tenant_by_id(tenant.id)):
        found = objects.find(tenant_session(), key)
        assert (found.key_number, objects.read(found)) == (2, b"contract")
        assert objects.stored_bytes(tenant_session()) == 8


def test_a_fresh_key_is_not_forgotten_and_the_sentence_says_why(tenant: BoundTenant) -> None:
    trilend("tenant", "rotate-key", "--tenant", tenant.slug, "--here")
    assert "still needed" in trilend("tenant", "forget-keys", "--tenant", tenant.slug, code=1)


def test_an_unknown_company_is_said_so(installation: Any) -> None:
    for command in (("tenant", "rotate-key"), ("storage", "verify"), ("storage", "sweep")):
        assert "No company uses this address" in trilend(*command, "--tenant", "nobody-here", code=1)


def test_files_are_verified_and_the_damaged_and_the_missing_named(tenant: BoundTenant, installation: Any) -> None:
    sound, damaged, missing = put(tenant), put(tenant), put(tenant)
    folder = installation.folder / "objects" / tenant.id
    assert trilend("storage", "verify", "--tenant", tenant.slug) == {
        tenant.slug: {"sound": 3, "missing": [], "damaged": []}
    }
    (folder / damaged).write_bytes((folder / damaged).read_bytes()[:-1])
    (folder / missing).unlink()
    assert trilend("storage", "verify", "--tenant", tenant.slug, code=1) == {
        tenant.slug: {"sound": 1, "missing": [missing], "damaged": [damaged]}
    }
    with bound(tenant):
        assert objects.read(objects.find(tenant_session(), sound)) == b"contract"


def test_a_sweep_leaves_what_is_young(tenant: BoundTenant) -> None:
    put(tenant)
    report = trilend("storage", "sweep", "--tenant", tenant.slug)[tenant.slug]
    assert report == {"seen": 1, "adopted": 0, "orphans": 0, "outdated": 0, "deleted": 0, "expired": 0, "unfinished": 0}


def test_a_master_key_in_use_has_nothing_to_wrap_anew(tenant: BoundTenant) -> None:
    report = trilend("keys", "rotate-master")
    assert report["rewrapped"] == 0
    assert report["total"] >= 1
    assert report["failed"] == []


def test_an_operator_holds_a_file_and_lets_go_of_it_again(tenant: BoundTenant) -> None:
    key = put(tenant)
    which = ("--tenant", tenant.slug, "--key", key)
    held = trilend("storage", "hold", *which, "--reason", "(2026) 沪 0115 民初 1 号")
    assert held == {"key": key, "retain_until": None, "legal_hold": "(2026) 沪 0115 民初 1 号"}
    trilend("storage", "retain", *which, "--until", "2031-12-31", "--reason", "five years")
    listed = trilend("storage", "list", "--tenant", tenant.slug)
    assert list(listed) == [key]
    assert (listed[key]["size"], listed[key]["media_type"], listed[key]["retain_until"]) == (
        8,
        "text/plain",
        "2031-12-31",
    )
    refused = trilend("storage", "retain", *which, "--until", "2030-01-01", "--reason", "mistake", code=1)
    assert "put off, not brought forward" in refused
    lifted = trilend("storage", "lift-hold", *which, "--reason", "case closed")
    assert lifted == {"key": key, "retain_until": "2031-12-31", "legal_hold": ""}
    with bound(tenant):
        acts = tenant_session().scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
        assert acts[-3:] == ["object.held", "object.retained", "object.hold_lifted"]


def test_a_file_of_another_company_cannot_be_held(tenant: BoundTenant, new_tenant: Callable[..., BoundTenant]) -> None:
    key, other = put(tenant), new_tenant()
    answer = trilend("storage", "hold", "--tenant", other.slug, "--key", key, "--reason", "x", code=1)
    assert "missing" in answer
    with bound(tenant):
        assert objects.find(tenant_session(), key).legal_hold == ""
