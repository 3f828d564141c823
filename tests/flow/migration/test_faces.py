"""What operators and probes see of a migration: the console's page, trying again from it, and the readiness of pods."""

import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.flow.migration.next_release import NextRelease
from werkzeug.test import Client

from trilend.console.service import add_operator
from trilend.db.base import now
from trilend.jobs.models import RegistryJob
from trilend.jobs.rounds import begin_rounds
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.migration.fleet import migrate_fleet
from trilend.tenancy.migration.models import FleetRun
from trilend.tenancy.migration.places import is_complete
from trilend.tenancy.migration.steps import targets
from trilend.tenancy.migration.verification import verify_fleet
from trilend.tenancy.models import Tenant
from trilend.tenancy.servers import owner_connection
from trilend.web import health

COLUMN = "ALTER TABLE business_day ADD COLUMN note text"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@pytest.fixture
def console(browse: Callable[[str], Client]) -> Client:
    """An operator's browser, signed in."""
    name = f"op-{secrets.token_hex(4)}"
    with RegistrySession() as registry:
        add_operator(registry, username=name, name="平台运营", password="correct horse battery")
        registry.commit()
    client = browse("console.localhost")
    client.get("/language?to=en")
    token = _TOKEN.search(client.get("/login").text)
    assert token
    client.post("/login", data={"username": name, "password": "correct horse battery", "csrf_token": token[1]})
    return client


@pytest.fixture
def release(alone: None, tmp_path: Any) -> NextRelease:
    return NextRelease(tmp_path)


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def press(client: Client, path: str) -> None:
    token = _TOKEN.search(client.get("/migrations").text)
    assert token
    assert client.post(path, data={"csrf_token": token[1]}).status_code == 302


def test_pods_are_not_ready_until_all_but_the_failed_have_moved(
    release: NextRelease, new_tenant: Callable[..., Any], browse: Callable[[str], Client]
) -> None:
    tenants = [new_tenant("broker"), new_tenant("broker"), new_tenant("guarantee")]
    release.adds("broker", f'op.execute("{COLUMN}")', fresh=COLUMN)
    client = browse("localhost")
    assert client.get("/readyz").json == {"status": "ready"}

    with release.running():
        waiting = client.get("/readyz")
        assert waiting.status_code == 503
        assert waiting.json == {"status": "migrating", "missing": ["fleet"], "behind": {"broker": 2}}
        migrate_fleet(slugs=[tenants[0].slug])
        assert client.get("/readyz").json["behind"] == {"broker": 1}
        with RegistrySession() as registry:
            registry.execute(update(Tenant).where(Tenant.id == tenants[1].id).values(fault="left behind"))
            registry.commit()
        assert client.get("/readyz").status_code == 200
        # One that comes late takes nobody else out of service.
        with RegistrySession() as registry:
            registry.execute(update(Tenant).where(Tenant.id == tenants[1].id).values(fault=""))
            registry.commit()
        assert client.get("/readyz").status_code == 200
    health._arrived.clear()


def test_the_page_shows_who_was_left_behind_and_tries_again(
    release: NextRelease, new_tenant: Callable[..., Any], console: Client, run_jobs: Callable[[], int]
) -> None:
    tenants = sorted((new_tenant("broker", name=f"第{n}经纪公司") for n in range(3)), key=lambda tenant: tenant.id)
    with owner_connection("primary") as owner:
        owner.execute(f"ALTER TABLE {tenants[2].schema}.business_day ADD COLUMN note int".encode())
    release.adds("broker", f'op.execute("{COLUMN}")', fresh=COLUMN)

    with release.running():
        migrate_fleet()
        shown = text_of(console.get("/migrations").text)
        assert "2 of 3 companies" in shown
        assert f"{tenants[2].name} {tenants[2].slug}" in shown
        assert 'column "note" of relation "business_day" already exists' in shown
        assert "Some were left behind" in shown

        with owner_connection("primary") as owner:
            owner.execute(f"ALTER TABLE {tenants[2].schema}.business_day DROP COLUMN note".encode())
        press(console, f"/migrations/retry/{tenants[2].slug}")
        assert 'hx-get="/migrations/state"' in console.get("/migrations").text
        run_jobs()

        shown = text_of(console.get("/migrations").text)
        assert "3 of 3 companies" in shown
        assert "No company was left behind" in shown


def test_the_page_names_a_kind_that_was_halted_until_it_has_moved(
    release: NextRelease, new_tenant: Callable[..., Any], console: Client, run_jobs: Callable[[], int]
) -> None:
    for _ in range(2):
        new_tenant("broker")
    release.adds("broker", 'op.execute("ALTER TABLE no_such_table ADD COLUMN note text")', fresh=COLUMN)
    with release.running():
        migrate_fleet()
        shown = text_of(console.get("/migrations").text)
        assert "was halted: the first company did not come through" in shown
        assert 'relation "no_such_table" does not exist' in shown

    file = release.folder / "broker" / "0002_next.py"
    file.write_text(file.read_text().replace("no_such_table", "business_day"))
    with release.running():
        press(console, "/migrations/retry")
        run_jobs()
        shown = text_of(console.get("/migrations").text)
        assert "was halted" not in shown
        assert "2 of 2 companies" in shown


def test_one_that_differs_is_shown_and_let_in_when_mended(
    alone: None, new_tenant: Callable[..., Any], console: Client, run_jobs: Callable[[], int]
) -> None:
    tenant = new_tenant("broker")
    with owner_connection("primary") as owner:
        owner.execute(f"CREATE INDEX by_hand ON {tenant.schema}.business_day (closed_days)".encode())
    verify_fleet()
    assert "Differs from a fresh one" in text_of(console.get("/migrations").text)

    with owner_connection("primary") as owner:
        owner.execute(f"DROP INDEX {tenant.schema}.by_hand".encode())
    press(console, f"/migrations/retry/{tenant.slug}")
    run_jobs()

    assert "No company was left behind" in text_of(console.get("/migrations").text)


def test_a_run_that_was_killed_is_shown_as_interrupted(alone: None, console: Client) -> None:
    with RegistrySession() as registry:
        run = FleetRun(targets=dict(targets()), total=9, done=4)
        registry.add(run)
        registry.commit()
        assert "4 / 9" in text_of(console.get("/migrations/state").text)
        run.seen_at = run.seen_at.replace(year=2020)
        registry.commit()

    shown = text_of(console.get("/migrations").text)
    assert "Interrupted 4 9 0 Run “trilend migrate” again" in shown


def test_nobody_who_is_not_an_operator_sees_or_moves_anything(
    alone: None, browse: Callable[[str], Client], new_tenant: Callable[..., Any]
) -> None:
    stranger = browse("console.localhost")
    tenant = new_tenant("broker")
    with RegistrySession() as registry:
        before = registry.scalars(select(RegistryJob.id).where(RegistryJob.name == "fleet.move")).all()

    assert stranger.get("/migrations").location == "/login"
    assert stranger.get("/migrations/state").location == "/login"
    assert stranger.post(f"/migrations/retry/{tenant.slug}").status_code in (302, 400)
    with RegistrySession() as registry:
        assert registry.scalars(select(RegistryJob.id).where(RegistryJob.name == "fleet.move")).all() == before


def test_a_late_comer_is_moved_without_anybody_asking_but_a_halted_kind_is_let_be(
    release: NextRelease, new_tenant: Callable[..., Any], run_jobs: Callable[[], int]
) -> None:
    new_tenant("guarantee"), new_tenant("broker")
    release.adds("guarantee", f'op.execute("{COLUMN}")', fresh=COLUMN)
    with release.running():
        migrate_fleet()
    late = new_tenant("guarantee")

    with release.running():
        begin_rounds(now() + timedelta(minutes=1))
        run_jobs()
        with RegistrySession() as registry:
            assert is_complete(registry)
            assert registry.get_one(Tenant, late.id).revision == targets()["guarantee"]

    release.adds("broker", 'op.execute("ALTER TABLE no_such_table ADD COLUMN note text")')
    with release.running():
        migrate_fleet()
        new_tenant("broker")
        begin_rounds(now() + timedelta(minutes=2))
        with RegistrySession() as registry:
            assert registry.scalars(select(FleetRun).order_by(FleetRun.id.desc())).first().halted
            open_jobs = select(RegistryJob).where(RegistryJob.name == "fleet.catch_up", RegistryJob.state == "queued")
            assert registry.scalars(open_jobs).all() == []
