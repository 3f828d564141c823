"""A connection that the server has closed is replaced by the opening of the next transaction, which asks nothing twice."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from trilend.db.engine import Scope, in_scope
from trilend.tenancy.context import bound, tenant_session
from trilend.tenancy.servers import PRIMARY, cell_login, engine_of

_BACKEND = text("SELECT pg_backend_pid()")


def _end(superuser_url: str, *pids: int) -> None:
    """End these backends, and wait until they are gone."""
    with psycopg.connect(superuser_url, autocommit=True) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid = ANY(%s)", (list(pids),)
        )
        left = server.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", (list(pids),)).fetchone()
        assert left == (0,)


def test_a_closed_connection_is_replaced_when_it_is_next_used(session: Session, installation: Any) -> None:
    before = session.scalar(_BACKEND)
    session.rollback()
    _end(installation.database.superuser_url, before)

    after = session.scalar(_BACKEND)

    assert after != before
    assert session.scalar(text("SELECT count(*) FROM business_day")) == 1


def test_after_a_restart_of_the_server_no_connection_of_before_is_met(tenant: Any, installation: Any) -> None:
    engine = in_scope(engine_of(PRIMARY, tenant.cell), lambda: Scope(tenant.schema, tenant.schema))
    with ExitStack() as held:
        open_ones = [held.enter_context(engine.begin()) for _ in range(3)]
        before = {connection.scalar(_BACKEND) for connection in open_ones}
    assert len(before) == 3
    _end(installation.database.superuser_url, *before)

    with ExitStack() as held:
        after = [held.enter_context(engine.begin()).scalar(_BACKEND) for _ in range(3)]

    assert not before & set(after)


def test_what_was_begun_on_a_connection_that_was_lost_is_not_begun_again(session: Session, installation: Any) -> None:
    session.execute(text("UPDATE business_day SET closed_days = 77"))
    _end(installation.database.superuser_url, session.scalar(_BACKEND))

    with pytest.raises(OperationalError):
        session.execute(text("SELECT 1"))

    session.rollback()
    assert session.scalar(text("SELECT closed_days FROM business_day")) != 77


def test_an_opening_that_is_refused_leaves_no_transaction_behind(tenant: Any, new_tenant: Callable[..., Any]) -> None:
    engine = engine_of(PRIMARY, tenant.cell)
    with (
        pytest.raises(psycopg.Error, match="does not exist"),
        in_scope(engine, lambda: Scope("t_nobody", "t_nobody")).begin(),
    ):
        pytest.fail("a role that is not there was taken")

    with in_scope(engine, lambda: Scope(tenant.schema, tenant.schema)).begin() as connection:
        assert connection.scalar(text("SELECT current_user::text")) == tenant.schema
        assert connection.scalar(text("SELECT session_user::text")) == cell_login(tenant.cell)
    with bound(tenant):
        assert tenant_session.scalar(text("SELECT count(*) FROM business_day")) == 1
