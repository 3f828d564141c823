"""Web, worker, migration and database are killed at random: no half tenant, nothing acknowledged lost, all arrive."""

import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.flow.crash.own import OwnInstallation, wait_until
from tests.flow.migration.next_release import NextRelease

from trilend.tenancy.blueprint import reports_role
from trilend.tenancy.migration.steps import PLATFORM, head

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]
KINDS = ("microfinance", "guarantee", "broker")
_ROUNDS = 6
_FLEET = 24
_NEXT = "tests.flow.migration.next_release"


@pytest.fixture
def own(installation: Any) -> Iterator[OwnInstallation]:
    # The database does not run as root, and has to get into its folder.
    folder = Path(tempfile.mkdtemp(prefix="trilend-chaos-"))
    folder.chmod(0o755)
    made = OwnInstallation(folder)
    made.begin()
    yield made
    made.end()
    shutil.rmtree(folder)


class SignUps:
    """Companies that sign up one after the other, all the time."""

    def __init__(self, own: OwnInstallation) -> None:
        self._own = own
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sign_up)
        self.begun: list[str] = []
        self.acknowledged: list[str] = []

    def __enter__(self) -> "SignUps":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sign_up(self) -> None:
        while not self._ended.is_set():
            kind = KINDS[len(self.begun) % 3]
            self.begun.append(kind)
            if slug := self._own.sign_up(kind):
                self.acknowledged.append(slug)


def test_sign_ups_bear_the_death_of_any_server(own: OwnInstallation) -> None:
    dice = random.Random(20261125)
    for name in ("web", "worker", "beat"):
        own.start(name)
    wait_until(own.is_up, 60)
    with SignUps(own) as sign_ups:
        for number in range(_ROUNDS):
            victim = ("worker", "database", "web", "valkey")[number % 4]
            begun, moment = len(sign_ups.begun), dice.uniform(0, 0.8)
            # In the middle of a request or of what follows from it.
            wait_until(lambda begun=begun: len(sign_ups.begun) > begun, 60)
            time.sleep(moment)
            print(f"{victim} killed {moment:.3f} s after a sign-up began")
            own.kill(victim)
            own.start(victim)
            if victim == "web":
                wait_until(own.is_up, 60)
        wait_until(own.is_up, 30)
    acknowledged = sign_ups.acknowledged
    last = own.sign_up("broker")
    assert last, "all servers are there again"
    acknowledged.append(last)
    ready = "SELECT slug FROM trilend.tenant WHERE state = 'trial'"
    wait_until(lambda: set(acknowledged) <= {row[0] for row in own.ask(ready)}, 60)
    wait_until(lambda: own.ask("SELECT count(*) FROM trilend.job WHERE state IN ('queued', 'running')") == [(0,)], 30)

    assert len(acknowledged) >= 4
    assert set(acknowledged) <= {row[0] for row in own.ask("SELECT slug FROM trilend.sign_up WHERE state = 'ready'")}
    assert own.ask("SELECT recipient FROM trilend.outbox_message GROUP BY recipient HAVING count(*) > 1") == []
    tenants = {row[0] for row in own.ask("SELECT 't_' || id FROM trilend.tenant")}
    spares = {row[0] for row in own.ask("SELECT 't_' || id FROM trilend.spare")}
    schemas = {row[0] for row in own.ask("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 't_')")}
    roles = {row[0] for row in own.ask("SELECT rolname FROM pg_roles WHERE starts_with(rolname, 't_')")}
    assert schemas == tenants | spares
    assert roles == schemas | {reports_role(schema) for schema in schemas}
    for schema in tenants:
        assert own.ask(f"SELECT username FROM {schema}.ab_user") == [("wang",)]
    assert own.ask("SELECT DISTINCT state FROM trilend.tenant") == [("trial",)]
    verified = own.trilend("tenant", "verify")
    assert (verified["different"], verified["behind"]) == ({}, [])
    assert verified["equal"] == len(schemas)


def test_a_fleet_arrives_however_often_the_migration_and_the_database_are_killed(
    own: OwnInstallation, tmp_path: Path
) -> None:
    dice = random.Random(20261126)
    made = _fleet(own)
    release = NextRelease(tmp_path)
    for column in ("one", "two"):
        ddl = f"ALTER TABLE business_day ADD COLUMN {column} text"
        release.adds("platform", f'op.execute("{ddl}")\nop.execute("SELECT pg_sleep(0.03)")', fresh=ddl)
    taken = (
        f"SELECT sum((SELECT count(*) FROM pg_attribute WHERE attname IN ('one', 'two') AND attnum > 0)), {len(made)}"
    )
    kills = 0

    for victim in ("migration", "database", "migration"):
        process = own.trilend(str(tmp_path), "migrate", module=_NEXT, wait=False)
        before = own.ask(taken)[0][0]
        wait_until(lambda: process.poll() is not None or own.ask(taken)[0][0] > before, 60)  # noqa: B023
        time.sleep(dice.uniform(0, 0.3))
        if process.poll() is None:
            kills += 1
            if victim == "database":
                own.kill("database")
                process.wait(60)
                own.start("database")
            else:
                os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if victim == "database":
            assert process.returncode != 0, "an outage is no success"

    report = own.trilend(str(tmp_path), "migrate", module=_NEXT)
    verified = own.trilend(str(tmp_path), "tenant", "verify", module=_NEXT)

    assert kills >= 2
    assert (report["failed"], report["halted"]) == ({}, {})
    # The spares that the migration has made are looked at too.
    assert verified == {"equal": _FLEET + len(KINDS), "different": {}, "behind": []}
    # Two revisions more than this release has.
    newest = f"{int(head(PLATFORM)) + 2:04d}"
    assert {row[0].split(".")[0] for row in own.ask("SELECT revision FROM trilend.tenant")} == {newest}
    for schema in made:
        steps = own.ask(f"SELECT branch, revision FROM {schema}.schema_version WHERE branch = 'platform'")
        assert len(steps) == len(set(steps)) == 3


def _fleet(own: OwnInstallation) -> list[str]:
    """Companies as sign-up leaves them, made without its pages."""
    from trilend.tenancy.blueprint import blueprint_of
    from trilend.tenancy.migration.steps import targets
    from trilend.tenancy.provisioning import make_space

    made = []
    with psycopg.connect(own.environment["TRILEND_OWNER_DATABASE_URL"]) as owner:
        for number in range(_FLEET):
            kind = KINDS[number % 3]
            make_space(owner, f"t_chaos{number}", number % 2, blueprint_of(kind))
            owner.execute(
                """
                INSERT INTO trilend.tenant (id, slug, look, kind, name, uscc, state, revision, shard, cell, plan, wrapped_key)
                VALUES (%s, %s, %s, %s, '公司', %s, 'trial', %s, 'primary', %s, 'trial', '\\x00')
                """,
                (
                    f"chaos{number}",
                    f"chaos{number}",
                    f"chaos{number}",
                    kind,
                    f"{number:018}",
                    targets()[kind],
                    number % 2,
                ),
            )
            owner.commit()
            made.append(f"t_chaos{number}")
    return made
