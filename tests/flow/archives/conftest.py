"""Companies with something in them, a second database server, and another installation beside this one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, update
from tests import stack
from tests.numbers import new_card, new_mobile, new_resident_id

from trilend.audit.service import SYSTEM, record
from trilend.config import settings
from trilend.documents.service import AREA
from trilend.ledger.models import Account
from trilend.ledger.service import Line, Posting, post
from trilend.parameters.service import business_date
from trilend.parties.models import PartyKind
from trilend.parties.service import PartyData, add_party
from trilend.storage.keys import new_master_key
from trilend.storage.objects import put
from trilend.tenancy.bootstrap import prepare_database
from trilend.tenancy.context import BoundTenant, RegistrySession, bound, tenant_session
from trilend.tenancy.models import Tenant, TenantState

DOCUMENT = "签过字的合同".encode() * 1000
SECOND = "second"


@dataclass(frozen=True)
class Contents:
    """What a company of these tests has entered."""

    identifier: str
    object_key: str


def fill_in(tenant: BoundTenant, *, journals: int = 20) -> Contents:
    """A customer, a stored document, lines of the audit log and balanced journals. Commits."""
    identifier = new_resident_id()
    with bound(tenant):
        session = tenant_session()
        today = business_date(session)
        data = PartyData(PartyKind.PERSON, "张三", identifier, new_mobile(), new_card(), "示范银行")
        add_party(session, SYSTEM, data, on=today)
        key = put(session, AREA, DOCUMENT, media_type="text/plain").key
        reason = '逗号, "引号"\\ 反斜杠\n换行'
        record(session, SYSTEM, "document.signed", "document", 1, reason=reason, key=key)
        codes = session.scalars(select(Account.code).order_by(Account.code).limit(2)).all()
        lines = (Line(codes[0], Decimal("12.34")), Line(codes[1], Decimal("-12.34")))
        post(
            session,
            [Posting(f"k{number}", "test", today, today, "test", number, lines) for number in range(journals)],
        )
        session.commit()
    return Contents(identifier, key)


def ask(url: str, statement: str, *parameters: Any) -> list[Any]:
    """Look something up, or change it, as a superuser."""
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []


def spaces(url: str) -> set[str]:
    """Schemas of companies in a database."""
    return {
        row[0]
        for row in ask(
            url,
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 't\\_%%'",
        )
    }


@pytest.fixture
def company(tenant: BoundTenant) -> tuple[BoundTenant, Contents]:
    """A microfinance company with something in it."""
    return tenant, fill_in(tenant)


@dataclass(frozen=True)
class Elsewhere:
    """Another installation: a database, a storage and keys of its own."""

    database: stack.Database
    environment: dict[str, str]

    def trilend(self, *arguments: str, code: int = 0) -> Any:
        """What a command answers; in JSON if it succeeds, else its sentence."""
        command = [sys.executable, "-m", "trilend.cli", *arguments, "--json"]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert ended.returncode == code, ended.stderr
        return json.loads(ended.stdout) if code == 0 else ended.stderr

    def look(self, *arguments: str) -> Any:
        """What `tests/flow/archives/looking.py` sees there."""
        command = [sys.executable, "-m", "tests.flow.archives.looking", *arguments]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def companies(self) -> list[str]:
        """Ids of its companies."""
        return [row[0] for row in ask(self.database.superuser_url, "SELECT id FROM trilend.tenant")]

    def passages(self) -> list[int]:
        """Passages that have not come to an end."""
        found = ask(self.database.superuser_url, "SELECT id FROM trilend.passage WHERE finished_at IS NULL")
        return [row[0] for row in found]

    def look_after_passages(self) -> None:
        """Run the jobs that look after passages, as if their time had come, until nothing is left to do."""
        for _ in range(20):
            if not self.passages():
                return
            ask(
                self.database.superuser_url,
                "UPDATE trilend.job SET not_before = now() WHERE name = 'archives.look_after' AND state = 'queued'",
            )
            self.run("trilend.wiring", "load(); from trilend.jobs.service import run_job, sweep; sweep(run_job)")
        raise AssertionError("passages are left")

    def run(self, module: str, code: str) -> None:
        """Run a few lines in a process of this installation."""
        command = [sys.executable, "-c", f"from {module} import *; {code}"]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr

    @property
    def objects(self) -> list[Path]:
        """All files of its storage."""
        root = Path(self.environment["TRILEND_STORAGE_URL"].removeprefix("file://"))
        return [path for path in root.rglob("*") if path.is_file()]


@pytest.fixture
def elsewhere(postgres: Any, installation: Any, tmp_path: Path) -> Elsewhere:
    """Another installation without companies."""
    database = stack.new_database(postgres)
    changed = {
        "TRILEND_DATABASE_URL": database.login_url,
        "TRILEND_OWNER_DATABASE_URL": database.owner_url,
        "TRILEND_MASTER_KEY": new_master_key(),
        "TRILEND_STORAGE_URL": (tmp_path / "elsewhere").as_uri(),
        "TRILEND_ARCHIVE_PASSPHRASE": "correct horse battery",
    }
    return Elsewhere(database, os.environ | installation.environment | changed)


@pytest.fixture(scope="session")
def second_server(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Database]:
    """This worker's second PostgreSQL: prepared, without a registry."""
    server = stack.start_server(run_folder / f"second-{os.getpid()}")
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE trilend")
    prepare_database(server.superuser_url("trilend"), cells=stack.CELLS)
    yield stack.Database(
        server.superuser_url("trilend"),
        server.url("trilend_owner", stack.OWNER_PASSWORD, "trilend"),
        server.url("trilend_app", stack.LOGIN_PASSWORD, "trilend", "postgresql+psycopg"),
    )
    server.stop()


@pytest.fixture
def two_servers(installation: Any, second_server: stack.Database) -> Iterator[stack.Database]:
    """This installation with the second server in its settings."""
    shards = {SECOND: {"database_url": second_server.login_url, "owner_database_url": second_server.owner_url}}
    with set_up(TRILEND_SHARDS=json.dumps(shards)):
        yield second_server
    forget_companies_on(SECOND)


def forget_companies_on(shard: str) -> None:
    """Let nobody look for companies on a server that is not in the settings any more."""
    with RegistrySession() as registry:
        registry.execute(update(Tenant).where(Tenant.shard == shard).values(state=TenantState.CLOSED))
        registry.commit()


class set_up:  # noqa: N801  (reads as a verb)
    """Settings for a while, for this process and for those that it starts."""

    def __init__(self, **changed: str) -> None:
        self._changed = changed
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> None:
        self._before = {name: os.environ.get(name) for name in self._changed}
        os.environ.update(self._changed)
        settings.cache_clear()

    def __exit__(self, *_: object) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
        settings.cache_clear()


@pytest.fixture
def escrow(installation: Any) -> Iterator[str]:
    """The private escrow key of this installation."""
    from trilend.archives.keys import new_escrow_pair

    private, public = new_escrow_pair()
    with set_up(TRILEND_ESCROW_PUBLIC_KEY=public):
        yield private


@pytest.fixture
def archive(company: tuple[BoundTenant, Contents], tmp_path: Path) -> Path:
    """The company's archive, sealed with `correct horse battery`."""
    return export_to(tmp_path / "company.zip", company[0])


def export_to(file: Path, tenant: BoundTenant, told: Callable[[int, int, str], None] | None = None) -> Path:
    """Export a company to a file."""
    from trilend.archives.carrying import in_silence
    from trilend.archives.export import export_company
    from trilend.archives.keys import ArchiveKey

    with file.open("wb") as target:
        export_company(
            tenant.id, target, ArchiveKey.of_passphrase("correct horse battery"), progress=told or in_silence
        )
    return file
