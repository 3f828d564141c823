"""An installation for benchmarks, and tenants in it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.numbers import new_uscc

from trilend.storage.keys import new_master_key


@contextmanager
def configured(folder: Path, database: Any) -> Iterator[None]:
    """Settings for this process; no broker is needed."""
    os.environ.update(
        {
            "TRILEND_DATABASE_URL": database.login_url,
            "TRILEND_OWNER_DATABASE_URL": database.owner_url,
            "TRILEND_VALKEY_URL": f"redis+socket://{folder}/no-broker",
            "TRILEND_SECRET_KEY": "bench",
            "TRILEND_MASTER_KEY": new_master_key(),
            "TRILEND_BASE_URL": "http://localhost:8000",
            "TRILEND_STORAGE_URL": (folder / "objects").as_uri(),
        }
    )
    yield


def new_tenant(kind: str, *, shard: str = "") -> Any:
    """A tenant of its own."""
    from trilend.signup.making import make_tenant

    return make_tenant(
        slug=f"b{secrets.token_hex(5)}",
        kind=kind,
        name="基准",
        uscc=new_uscc(),
        admin="admin",
        email="a@example.com",
        password="correct horse battery",
        shard=shard,
    )


def registered(kind: str) -> str:
    """Id of a tenant that is registered and not provisioned."""
    from trilend.storage.keys import new_wrapped_key
    from trilend.tenancy.context import RegistrySession
    from trilend.tenancy.service import register_tenant

    with RegistrySession() as session:
        made = register_tenant(
            session,
            slug=f"b{secrets.token_hex(5)}",
            kind=kind,
            name="基准",
            uscc=new_uscc(),
            wrapped_key=new_wrapped_key(),
        )
        session.commit()
        return made.id
