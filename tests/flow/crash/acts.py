"""What people and programs do in an installation whose servers are killed, each in a process of its own."""

import sys
import time
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from tests.flow.archives.conftest import fill_in

from trilend.archives.format import Reader
from trilend.archives.imports import _plain
from trilend.archives.models import Act
from trilend.archives.passages import passages_of
from trilend.archives.requests import exported_file, request_export, request_move
from trilend.archives.shelves import archives_of
from trilend.audit.service import SYSTEM, record
from trilend.errors import TrilendError
from trilend.signup.making import make_tenant
from trilend.tenancy.context import RegistrySession, bound, tenant_session
from trilend.tenancy.servers import owner_connection
from trilend.tenancy.service import tenant_by_slug
from trilend.tenancy.tables import begin_snapshot, tables_of, tally_of

PASSPHRASE = "correct horse battery"
# Beat enters schedules and their work into a company by the clock.
_BY_THE_CLOCK = {"job", "schedule"}


def found(slug: str, uscc: str) -> None:
    """Make a company with enough in it to be carried for a while."""
    tenant = make_tenant(
        slug=slug,
        kind="microfinance",
        name="青山小额贷款有限公司",
        uscc=uscc,
        admin="admin",
        email="admin@example.com",
        password=PASSPHRASE,
    )
    fill_in(tenant, journals=2_000)


def write(slug: str, said: str) -> None:
    """Write to a company's log without end, and say of each line that it is tried, and that it is acknowledged."""
    number = 0
    with Path(said).open("a", buffering=1) as file:
        while True:
            number += 1
            print("try", number, file=file)
            try:
                with bound(tenant_by_slug(slug)):
                    record(tenant_session(), SYSTEM, "written", "test", number)
                    tenant_session.commit()
            except (TrilendError, DBAPIError):
                # Moved at the moment, or its server is away.
                time.sleep(0.02)
            else:
                print("acknowledged", number, file=file)


def ask_for_move(slug: str, target: str) -> None:
    """As the console does."""
    with RegistrySession() as registry:
        request_move(registry, tenant_by_slug(slug).id, target, actor="operator")
        registry.commit()


def ask_for_export(slug: str) -> None:
    """As the company's administrator does."""
    with RegistrySession() as registry:
        request_export(registry, tenant_by_slug(slug).id, PASSPHRASE, actor="管理员")
        registry.commit()


def compare_export(slug: str, folder: str) -> None:
    """The newest exported file is whole, and holds what the company holds now."""
    tenant = tenant_by_slug(slug)
    file = Path(folder) / "exported.zip"
    with RegistrySession() as registry:
        newest, *others = passages_of(registry, tenant.id, Act.EXPORT)
        _, pieces = exported_file(registry, tenant.id, newest.id)
        file.write_bytes(b"".join(pieces))
    if len(list(archives_of(tenant.id))) != 1 + len(others):
        sys.exit("a file is left that belongs to no export")
    with _plain(file, PASSPHRASE) as opened, owner_connection(tenant.shard, autocommit=True) as owner:
        reader = Reader(opened)
        reader.check()
        begin_snapshot(owner, tenant.schema)
        here = {table.name: tally_of(owner, table) for table in tables_of(owner, tenant.schema)}
    there = reader.manifest.tables
    different = [
        name for name in here if (here[name].sha256, here[name].rows) != (there[name].sha256, there[name].rows)
    ]
    if set(different) - _BY_THE_CLOCK or len(reader.manifest.objects) != 1:
        sys.exit(f"the file is not the company: {different}")
