"""Drafts a revision: what a schema of the last kept release lacks after all its steps, as Alembic writes it.

`python -m tests.releases platform "what changes"`; read the draft, make it expand only, and test it.
"""

import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine
from tests import releases, stack
from tests.offline import offline_settings

_HEAD = '''"""{message}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{previous}"


def upgrade() -> None:
    """{message}."""
    {body}
'''


def main(branch: str, message: str) -> None:
    """Write the draft into the branch's folder and say where."""
    offline_settings()
    from trilend.tenancy.migration import steps
    from trilend.wiring import load

    load()
    with tempfile.TemporaryDirectory() as folder, _upgraded(Path(folder), branch) as connection:
        body = _draft(connection, branch)
    previous = steps.head(branch)
    revision = f"{int(previous) + 1:04d}"
    file = steps.folder_of(branch) / f"{revision}_{'_'.join(message.lower().split())[:40]}.py"
    file.write_text(_HEAD.format(message=message, revision=revision, previous=previous, body=body), encoding="utf-8")
    print(file)


@contextmanager
def _upgraded(folder: Path, branch: str) -> Iterator[Connection]:
    """A connection to a schema of the first release that has taken all steps of this one."""
    from trilend.tenancy.migration import steps

    folder.chmod(0o755)
    server = stack.start_server(folder / "postgresql")
    try:
        schema = "trilend" if branch == steps.REGISTRY else f"t_{secrets.token_hex(4)}"
        kind = branch if branch not in (steps.REGISTRY, steps.PLATFORM) else "broker"
        with psycopg.connect(server.superuser_url()) as owner:
            if branch == steps.REGISTRY:
                releases.make_registry(owner)
            else:
                releases.make_space(owner, kind, schema)
            taken = [steps.REGISTRY] if branch == steps.REGISTRY else [steps.PLATFORM, kind]
            owner.execute(f"SET LOCAL search_path TO {schema}".encode())
            for step in (step for name in taken for step in steps.branch(name)):
                owner.execute(step.text(schema if branch != steps.REGISTRY else "postgres", "trilend_cell_00").encode())
        engine = create_engine(
            server.superuser_url().replace("postgresql://", "postgresql+psycopg://"),
            connect_args={"options": f"-csearch_path={schema}"},
        )
        with engine.connect() as connection:
            yield connection
        engine.dispose()
    finally:
        server.stop()


def _draft(connection: Connection, branch: str) -> str:
    from trilend.db.base import REGISTRY_SCHEMA, RegistryBase, TenantBase
    from trilend.kinds import kinds
    from trilend.tenancy.migration import steps

    of_kinds = {table.name for kind in kinds().values() for table in kind.tables}
    if branch == steps.REGISTRY:
        metadata, wanted = RegistryBase.metadata, None
    else:
        metadata = TenantBase.metadata
        ours = {table.name for table in kinds()[branch].tables} if branch in kinds() else None
        wanted = ours if ours is not None else {name for name in metadata.tables if name not in of_kinds}

    def included(item: object, name: str | None, type_: str, _reflected: bool, _other: object) -> bool:
        return (
            type_ != "table"
            or (wanted is None and getattr(item, "schema", "") == REGISTRY_SCHEMA)
            or (wanted is not None and name in wanted)
        )

    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            "compare_server_default": True,
            "include_object": included,
            "include_schemas": branch == steps.REGISTRY,
        },
    )
    script = produce_migrations(context, metadata)
    return render_python_code(script.upgrade_ops)


if __name__ == "__main__":
    main(*sys.argv[1:])
