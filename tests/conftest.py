"""What all tests share: real servers, an installation of their own, tenants on demand."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests import one_schema, stack
from werkzeug.security import generate_password_hash
from werkzeug.test import Client

from trilend.embedded.valkey import ValkeyServer
from trilend.storage.keys import new_master_key, new_wrapped_key

_REPOSITORY = Path(__file__).parent.parent
PASSWORD = "correct horse battery"

hypothesis_settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """The controlling process makes the folder of the run; the server starts when a test first needs it."""
    if not hasattr(config, "workerinput"):
        config._trilend_folder = Path(tempfile.mkdtemp(prefix="trilend-tests-"))  # type: ignore[attr-defined]
        config._trilend_folder.chmod(0o755)  # type: ignore[attr-defined]
        if config.getoption("numprocesses", None):
            config._trilend_server = stack.start_server(config._trilend_folder / "postgresql")  # type: ignore[attr-defined]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The walk through the browser comes last.

    Its Playwright stays open for all its tests and holds an event loop in the process, in which no other test could
    start a loop of its own.
    """
    walk = _REPOSITORY / "tests" / "browser"
    items.sort(key=lambda item: walk in item.path.parents)


def pytest_configure_node(node: Any) -> None:
    """Tell each worker where the server is."""
    node.workerinput["trilend_folder"] = str(node.config._trilend_folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and remove the folder of the run."""
    server = getattr(config, "_trilend_server", None)
    if server is not None:
        server.stop()
    folder = getattr(config, "_trilend_folder", None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def run_folder(request: pytest.FixtureRequest) -> Path:
    """A folder of this run that all workers see."""
    given = getattr(request.config, "workerinput", {}).get("trilend_folder")
    return Path(given) if given else request.config._trilend_folder  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest, run_folder: Path) -> Any:
    """The run's PostgreSQL."""
    if hasattr(request.config, "workerinput"):
        return stack.server_in(run_folder / "postgresql")
    if not hasattr(request.config, "_trilend_server"):
        request.config._trilend_server = stack.start_server(run_folder / "postgresql")  # type: ignore[attr-defined]
    return request.config._trilend_server  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Installation:
    """One installation of the platform: its database, its folder, and the environment a process of it needs."""

    database: stack.Database
    folder: Path
    environment: dict[str, str]


@pytest.fixture(scope="session")
def installation(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """This worker's own installation, configured through the environment as in production."""
    import trilend.wiring

    trilend.wiring.load()
    one_schema.begin()
    folder = tmp_path_factory.mktemp("installation")
    database = stack.new_database(postgres)
    broker = ValkeyServer(folder / "valkey")
    broker.start()
    environment = {
        "TRILEND_DATABASE_URL": database.login_url,
        "TRILEND_OWNER_DATABASE_URL": database.owner_url,
        "TRILEND_VALKEY_URL": broker.url,
        "TRILEND_SECRET_KEY": "a secret for tests only",
        "TRILEND_MASTER_KEY": new_master_key(),
        "TRILEND_BASE_URL": "http://localhost:8000",
        "TRILEND_STORAGE_URL": (folder / "objects").as_uri(),
        "TRILEND_OUTBOX_PAGE": "true",
        "TRILEND_ALLOW_LOOPBACK_EGRESS": "true",
        "TRILEND_WEBHOOK_HOSTS": '["localhost"]',
        "TRILEND_JOB_LEASE_SECONDS": "3",
        "TRILEND_JOB_SWEEP_SECONDS": "1",
        "TRILEND_DATABASE_CELLS": str(stack.CELLS),
        "TRILEND_SPARES_PER_KIND": "0",
    }
    os.environ.update(environment)
    yield Installation(database, folder, environment)
    broker.stop()


@pytest.fixture(scope="session")
def application(installation: Installation) -> Any:
    """The WSGI application of the whole platform."""
    from trilend.app import create_application

    return create_application()


class HostClient(Client):
    """A client that speaks to one host name."""

    def __init__(self, application: Any, host: str) -> None:
        super().__init__(application)
        self._base_url = f"http://{host}:8000"

    def open(self, *args: Any, **options: Any) -> Any:
        """Send a request to the host, unless it names another base."""
        return super().open(*args, **({"base_url": self._base_url} | options))


@pytest.fixture
def browse(application: Any) -> Callable[[str], Client]:
    """A client for a host name, with cookies of its own."""

    def client(host: str) -> Client:
        return HostClient(application, host)

    return client


@pytest.fixture(scope="session")
def new_tenant(installation: Installation) -> Callable[..., Any]:
    """Registers and provisions a tenant; returns it bound-ready."""
    import secrets

    from tests.numbers import new_uscc

    from trilend.tenancy.context import RegistrySession
    from trilend.tenancy.provisioning import FirstAdministrator, provision
    from trilend.tenancy.service import register_tenant, tenant_by_id

    hashed = generate_password_hash(PASSWORD)

    def make(kind: str = "microfinance", name: str = "青山小额贷款有限公司", slug: str | None = None) -> Any:
        with RegistrySession() as session:
            tenant = register_tenant(
                session,
                slug=slug or f"t{secrets.token_hex(5)}",
                kind=kind,
                name=name,
                uscc=new_uscc(),
                wrapped_key=new_wrapped_key(),
            )
            session.commit()
            tenant_id = tenant.id
        provision(tenant_id, FirstAdministrator("admin", "管理员", "admin@example.com", hashed))
        return tenant_by_id(tenant_id)

    return make


@pytest.fixture
def tenant(new_tenant: Callable[..., Any]) -> Any:
    """A microfinance company of the test's own."""
    return new_tenant()


@pytest.fixture
def session(tenant: Any) -> Iterator[Session]:
    """The session of the test's own microfinance company, bound to it."""
    from trilend.tenancy.context import bound, tenant_session

    with bound(tenant):
        yield tenant_session()


@pytest.fixture(scope="module", autouse=True)
def module_began() -> datetime:
    """When the tests of this module began."""
    return datetime.now(UTC)


@pytest.fixture
def run_jobs(installation: Installation, module_began: datetime) -> Callable[[], int]:
    """Does all waiting jobs of the platform, and of the tenants in which some were added since the module began.

    By the registry's hint: the worker's installation is full of tenants that other tests have left, and to enter each
    of them takes many times longer than what is tested. Returns how many jobs were done.
    """
    from trilend.jobs.models import TenantWork
    from trilend.jobs.service import run_job, sweep
    from trilend.tenancy.context import RegistrySession
    from trilend.tenancy.models import Tenant
    from trilend.tenancy.service import open_tenants

    def touched() -> list[Any]:
        with RegistrySession() as registry:
            touched = select(TenantWork.tenant_id).where(TenantWork.touched_at >= module_began)
            made = select(Tenant.id).where(Tenant.created_at >= module_began)
            ids = set(registry.scalars(touched.union(made)))
        return [tenant for tenant in open_tenants() if tenant.id in ids]

    def run() -> int:
        total = 0
        for _ in range(20):
            ran = sweep(run_job, tenants=touched())
            total += ran
            if not ran:
                break
        return total

    return run
