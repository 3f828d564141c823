"""Invariants 4 and 9: worker, broker and database are killed at random moments; no job is lost, no mail leaves twice."""

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiosmtpd.controller import Controller
from tests import stack
from tests.numbers import new_uscc
from tests.unit.trilend.messages.test_smtp import Mailbox

from trilend.embedded.postgres import PostgresServer
from trilend.embedded.valkey import ValkeyServer
from trilend.storage.keys import new_master_key
from trilend.tenancy.bootstrap import prepare_cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
_SEED = 20261125
_JOBS = 90
_ROUNDS = 2


@dataclass
class Site:
    """An installation of its own, whose servers and processes can be killed."""

    folder: Path
    postgres: PostgresServer
    valkey: ValkeyServer
    database: stack.Database
    environment: dict[str, str]
    mailbox: Mailbox
    slug: str = ""
    schema: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    worker: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a Python process of this installation."""
        with (self.folder / "processes.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", *arguments], env=self.environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def work(self) -> None:
        """Start the workers."""
        self.worker = self.run("tests.flow.crash.effects", "worker")

    def kill_worker(self) -> None:
        """As a power cut; others start again."""
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait()
        self.work()

    def kill_valkey(self) -> None:
        """With all that it has not written down."""
        self.valkey.kill()
        time.sleep(0.3)
        self.valkey.start()

    def kill_postgres(self) -> None:
        """In the middle of whatever it does."""
        self.postgres.kill()
        time.sleep(0.3)
        self.postgres.forget_former_run()
        self.postgres.start()

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Look into the company's tables."""
        with psycopg.connect(self.database.superuser_url, options=f"-csearch_path={self.schema}") as connection:
            return connection.execute(statement.encode()).fetchall()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A database that keeps what it has confirmed, a broker, a mail server, a company, a beat, and workers."""
    tmp_path.chmod(0o755)
    settings = {"fsync": "off", "synchronous_commit": "on"}
    postgres = PostgresServer(tmp_path / "pg", superuser_password=stack.SUPER_PASSWORD, extra_settings=settings)
    postgres.start()
    prepare_cluster(
        postgres.superuser_url(),
        owner_password=stack.OWNER_PASSWORD,
        login_password=stack.LOGIN_PASSWORD,
        cells=stack.CELLS,
    )
    database = stack.new_database(postgres)
    valkey = ValkeyServer(tmp_path / "valkey")
    valkey.start()
    mailbox, port = Mailbox(), _free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    environment = os.environ | {
        "TRILEND_DATABASE_URL": database.login_url,
        "TRILEND_OWNER_DATABASE_URL": database.owner_url,
        "TRILEND_VALKEY_URL": valkey.url,
        "TRILEND_SECRET_KEY": "chaos",
        "TRILEND_MASTER_KEY": new_master_key(),
        "TRILEND_BASE_URL": "http://localhost:8000",
        "TRILEND_STORAGE_URL": (tmp_path / "objects").as_uri(),
        "TRILEND_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "TRILEND_JOB_LEASE_SECONDS": "3",
        "TRILEND_JOB_SWEEP_SECONDS": "1",
        "TRILEND_DATABASE_CELLS": str(stack.CELLS),
        "TRILEND_SPARES_PER_KIND": "0",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    made = Site(tmp_path, postgres, valkey, database, environment, mailbox)
    try:
        _found_company(made)
        made.run("trilend.cli", "beat")
        made.work()
        yield made
    finally:
        for process in made.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        controller.stop()
        valkey.stop()
        postgres.stop()


def test_no_job_is_lost_and_no_mail_leaves_twice_whatever_is_killed(site: Site) -> None:
    dice = random.Random(_SEED)
    producer = site.run("tests.flow.crash.effects", "produce", site.slug, "0", str(_JOBS), "0.05")
    dying = site.run("tests.flow.crash.effects", "die", site.slug, str(_JOBS))
    _wait(lambda: _notes(site) > 0, site, 40)
    kills = [site.kill_worker, site.kill_valkey, site.kill_postgres] * _ROUNDS
    dice.shuffle(kills)
    for kill in kills:
        time.sleep(dice.uniform(0.1, 1.2))
        kill()

    assert producer.wait(30) == 0
    assert dying.wait(30) == 9, "it ended between commit and message"
    _wait(lambda: _open(site) == 0, site, 60)

    noted = Counter(row[0] for row in site.ask("SELECT subject_id FROM audit_entry WHERE act = 'effects.note'"))
    assert noted == Counter(range(_JOBS + 1))
    assert all(count == 1 for count in site.mailbox.accepted.values()), site.mailbox.accepted
    mails = site.ask("SELECT id, state, result->>'error' FROM job WHERE name = 'messages.send'")
    assert len(mails) == _JOBS
    tenant_id = site.schema.removeprefix("t_")
    for job_id, state, error in mails:
        accepted = site.mailbox.accepted[f"<{tenant_id}.{job_id}@localhost>"]
        # Either it left, or nobody can know, and then that is said to a person and nothing more is sent.
        assert (state, accepted) == ("done", 1) or (state, error) == ("failed", "DeliveryUnknown"), (job_id, state)


def _found_company(site: Site) -> None:
    command = [
        "tenant",
        "create",
        "--slug",
        "chaos",
        "--kind",
        "broker",
        "--name",
        "青山助贷有限公司",
        "--uscc",
        new_uscc(),
    ]
    command += ["--admin", "admin", "--email", "a@example.com", "--password", "correct horse battery", "--json"]
    made = subprocess.run(
        [sys.executable, "-m", "trilend.cli", *command],
        env=site.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(made.stdout)
    site.slug, site.schema = found["slug"], f"t_{found['id']}"


def _notes(site: Site) -> int:
    return int(site.ask("SELECT count(*) FROM audit_entry WHERE act = 'effects.note'")[0][0])


def _open(site: Site) -> int:
    return int(site.ask("SELECT count(*) FROM job WHERE state IN ('queued', 'running')")[0][0])


def _wait(done: Any, site: Site, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, (site.folder / "processes.log").read_text(errors="replace")[-3000:]
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
