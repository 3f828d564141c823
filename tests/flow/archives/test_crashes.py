"""Killed at any moment, an export or a move leaves no half tenant, and nothing that was acknowledged is lost."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from tests import stack
from tests.flow.archives.conftest import SECOND, Contents, Elsewhere, spaces
from tests.flow.archives.test_move import Writer, _digests, _written
from tests.flow.crash.conftest import Workers, workers  # noqa: F401

from trilend.archives.models import Act, Passage, Stage
from trilend.archives.requests import exported_file, request_export, request_move
from trilend.archives.shelves import archives_of
from trilend.jobs.models import JobState, RegistryJob
from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.migration.verification import verify_fleet
from trilend.tenancy.service import tenant_by_id

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
_MOVES = 4
_KILLS = 2


def test_a_move_killed_at_any_moment_ends_whole_and_loses_no_write(
    company: tuple[BoundTenant, Contents],
    two_servers: stack.Database,
    installation: Any,
    workers: Workers,  # noqa: F811
) -> None:
    dice = random.Random(20260801)
    tenant, _ = company
    places = {"primary": installation.database.superuser_url, SECOND: two_servers.superuser_url}

    with Writer(tenant.slug, "a") as writer:
        for number in range(_MOVES):
            target = SECOND if tenant_by_id(tenant.id).shard == "primary" else "primary"
            with RegistrySession() as registry:
                job_id = request_move(registry, tenant.id, target, actor="operator")
                registry.commit()
            for kill in range(_KILLS):
                begun = _passages(tenant.id)
                workers.work()
                _wait(lambda begun=begun, job=job_id: _passages(tenant.id) > begun or _is_done(job), 60)
                time.sleep(dice.uniform(0, 0.05 if (number + kill) % 2 else 0.5))
                workers.kill()
                assert tenant.schema in spaces(places[tenant_by_id(tenant.id).shard])
            workers.work()
            _wait_for_job(job_id)
            workers.kill()
            assert tenant_by_id(tenant.id).shard == target
        time.sleep(6)

    assert writer.surprises == []
    assert len(writer.acknowledged) > 100
    assert sorted(_written(tenant.id)) == sorted(writer.acknowledged)
    assert tenant_by_id(tenant.id).admission.is_open
    assert verify_fleet([tenant.slug]).equal == 1
    assert {stage for stage in _stages(tenant.id) if stage not in (Stage.DONE, Stage.UNDONE)} <= {Stage.SWITCHED}


def test_an_export_killed_at_any_moment_ends_with_one_whole_file(
    company: tuple[BoundTenant, Contents],
    installation: Any,
    workers: Workers,  # noqa: F811
    tmp_path: Path,
    elsewhere: Elsewhere,
) -> None:
    dice = random.Random(20260801)
    tenant, _ = company
    with RegistrySession() as registry:
        passage = request_export(registry, tenant.id, "correct horse battery", actor="管理员")
        registry.commit()
        passage_id, job_id = passage.id, passage.job_id
    assert job_id is not None
    for _ in range(3):
        workers.work()
        _wait(lambda: _state(job_id) != JobState.QUEUED, 30)
        time.sleep(dice.uniform(0, 0.4))
        workers.kill()
        if _state(job_id) == JobState.DONE:
            break
    workers.work()
    _wait_for_job(job_id)

    with RegistrySession() as registry:
        _, pieces = exported_file(registry, tenant.id, passage_id)
        file = tmp_path / "exported.zip"
        file.write_bytes(b"".join(pieces))
    assert len(list(archives_of(tenant.id))) == 1
    made = elsewhere.trilend("tenant", "import", str(file))
    here = _digests(installation.database.superuser_url, tenant.schema)
    assert _digests(elsewhere.database.superuser_url, f"t_{made['id']}") == here


def test_an_import_killed_at_any_moment_leaves_nothing_or_a_whole_company(archive: Path, elsewhere: Elsewhere) -> None:
    import subprocess
    import sys

    dice = random.Random(20260801)
    ended = set()
    for _ in range(4):
        command = [sys.executable, "-m", "trilend.cli", "tenant", "import", str(archive), "--json"]
        process = subprocess.Popen(command, env=elsewhere.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        _wait(lambda process=process: elsewhere.passages() or process.poll() is not None, 30)
        time.sleep(dice.uniform(0, 0.8))
        process.kill()
        process.communicate()
        elsewhere.look_after_passages()
        companies = elsewhere.companies()
        assert len(companies) <= 1
        assert spaces(elsewhere.database.superuser_url) == {f"t_{found}" for found in companies}
        assert len(elsewhere.objects) == len(companies)
        ended.add(len(companies))
        if companies:
            break
    if 1 not in ended:
        elsewhere.trilend("tenant", "import", str(archive))


def _wait(fulfilled: Callable[[], object], patience: float) -> None:
    deadline = time.monotonic() + patience
    while not fulfilled():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.005)


def _wait_for_job(job_id: int) -> None:
    deadline = time.monotonic() + 90
    while not _is_done(job_id):
        with RegistrySession() as registry:
            job = registry.get_one(RegistryJob, job_id)
            assert job.state != JobState.FAILED, job.note
            assert time.monotonic() < deadline, (job.state, job.attempts, job.note)
        time.sleep(0.05)


def _is_done(job_id: int) -> bool:
    return _state(job_id) == JobState.DONE


def _state(job_id: int) -> str:
    with RegistrySession() as registry:
        return registry.get_one(RegistryJob, job_id).state


def _passages(tenant_id: str) -> int:
    with RegistrySession() as registry:
        return registry.scalar(select(func.count()).select_from(Passage).where(Passage.tenant_id == tenant_id)) or 0


def _stages(tenant_id: str) -> list[str]:
    with RegistrySession() as registry:
        found = select(Passage.stage).where(Passage.tenant_id == tenant_id, Passage.act == Act.MOVE)
        return list(registry.scalars(found))
