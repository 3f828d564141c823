"""Invariant 4: sign-ups end with one whole tenant each, however often the worker is killed on the way."""

import random
import secrets
import time
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select
from tests.flow.crash.conftest import Workers
from tests.numbers import new_uscc

from trilend.jobs.models import JobState, RegistryJob
from trilend.signup.models import SignUp, SignUpState
from trilend.signup.service import SignUpData, begin, confirm
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.models import Tenant

pytestmark = pytest.mark.slow
KINDS = ("microfinance", "guarantee", "broker")
_CRASHES = 6
_AT_ONCE = 3


def test_killed_worker_leaves_neither_half_a_tenant_nor_a_sign_up_undone(
    installation: Any, workers: Workers, new_tenant: Any
) -> None:
    dice = random.Random(20260801)
    whole = {kind: _contents(installation, new_tenant(kind).schema) for kind in KINDS}
    before = _spaces(installation)
    sign_ups: list[int] = []

    for crash in range(_CRASHES):
        sign_ups += [_signed_up(KINDS[(crash + number) % 3]) for number in range(_AT_ONCE)]
        workers.work()
        _wait_for_running(sign_ups)
        time.sleep(dice.uniform(0, 1.2))
        workers.kill()
        _assert_all_or_nothing(installation, whole, before)

    workers.work()
    _wait(lambda: _ready(sign_ups) == len(sign_ups), 40)

    assert _attempts(sign_ups) > len(sign_ups)
    with RegistrySession() as session:
        tenants = session.scalars(select(Tenant).join(SignUp, SignUp.tenant_id == Tenant.id)).all()
        tenants = [tenant for tenant in tenants if tenant.slug.startswith("crash-")]
    assert len(tenants) == len(sign_ups)
    for tenant in tenants:
        assert tenant.state == "trial"
        assert _contents(installation, tenant.schema) == whole[tenant.kind]
    _assert_all_or_nothing(installation, whole, before)


def _signed_up(kind: str) -> int:
    """A sign-up whose code has been entered: its job waits for a worker."""
    slug = f"crash-{secrets.token_hex(4)}"
    data = SignUpData(
        kind, "青山小额贷款有限公司", new_uscc(), slug, "王五", "admin", "a@example.com", "correct horse battery"
    )
    with RegistrySession() as session:
        sign_up = begin(session, data)
        code = _code_of(session, sign_up)
        confirm(session, sign_up, code)
        session.commit()
        return sign_up.id


def _code_of(session: Any, sign_up: SignUp) -> str:
    newest = select(RegistryJob.payload).where(RegistryJob.name == "messages.send").order_by(RegistryJob.id.desc())
    return str(session.scalars(newest.limit(1)).one()["subject"].split()[-1])


def _jobs_of(sign_ups: list[int], state: JobState) -> int:
    with RegistrySession() as session:
        mine = select(SignUp.job_id).where(SignUp.id.in_(sign_ups))
        return session.scalar(select(func.count()).where(RegistryJob.id.in_(mine), RegistryJob.state == state)) or 0


def _attempts(sign_ups: list[int]) -> int:
    with RegistrySession() as session:
        mine = select(SignUp.job_id).where(SignUp.id.in_(sign_ups))
        return session.scalar(select(func.sum(RegistryJob.attempts)).where(RegistryJob.id.in_(mine))) or 0


def _ready(sign_ups: list[int]) -> int:
    with RegistrySession() as session:
        return (
            session.scalar(select(func.count()).where(SignUp.id.in_(sign_ups), SignUp.state == SignUpState.READY)) or 0
        )


def _wait_for_running(sign_ups: list[int]) -> None:
    _wait(lambda: _jobs_of(sign_ups, JobState.RUNNING) > 0, 40)


def _wait(done: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _assert_all_or_nothing(installation: Any, whole: dict[str, Any], before: set[str]) -> None:
    """Schema and role are there for exactly the tenants that are ready, or are whole and wait for the word that they are."""
    with psycopg.connect(installation.database.superuser_url) as connection:
        tenants = connection.execute(
            "SELECT 't_' || id, state <> 'provisioning', kind FROM trilend.tenant WHERE slug LIKE 'crash-%'"
        ).fetchall()
        roles = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^t_'")}
    schemas = _spaces(installation) - before
    ready = {name for name, is_ready, _ in tenants if is_ready}
    # Killed after the schema was committed and before the registry was: the next attempt finds it and opens its door.
    waiting = {name: kind for name, is_ready, kind in tenants if not is_ready and name in schemas}
    assert schemas == ready | waiting.keys()
    for name, kind in waiting.items():
        assert _contents(installation, name) == whole[kind]
    # Other tests of the run have roles in the same cluster.
    assert roles & {name for name, _, _ in tenants} == ready | waiting.keys()


def _spaces(installation: Any) -> set[str]:
    with psycopg.connect(installation.database.superuser_url) as connection:
        return {row[0] for row in connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^t_'")}


def _contents(installation: Any, schema: str) -> dict[str, Any]:
    """Every relation, constraint and trigger of a schema, and the number of rows of every table."""
    with psycopg.connect(installation.database.superuser_url) as connection:
        relations = connection.execute(
            "SELECT relkind::text, relname FROM pg_class WHERE relnamespace = %s::regnamespace ORDER BY 1, 2", (schema,)
        ).fetchall()
        constraints = connection.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE connamespace = %s::regnamespace",
            (schema,),
        ).fetchall()
        triggers = connection.execute(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE c.relnamespace = %s::regnamespace AND NOT tgisinternal",
            (schema,),
        ).fetchall()
        # Beat enters a company's schedules when it first looks at it.
        tables = [name for kind, name in relations if kind == "r" and name != "schedule"]
        counts = {
            name: connection.execute(f'SELECT count(*) FROM {schema}."{name}"'.encode()).fetchone() for name in tables
        }
    return {
        "relations": relations,
        "constraints": sorted((table.partition(".")[2], name) for table, name in constraints),
        "triggers": sorted(triggers),
        "rows": counts,
    }
