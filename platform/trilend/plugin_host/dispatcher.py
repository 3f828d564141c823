"""Calls one hook of one connection's plugin: allowed, in time, and whatever it does, harming nobody else."""

import typing
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as DeadlinePassed
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from prometheus_client import Histogram
from sqlalchemy.orm import Session

from trilend.db.base import now
from trilend.plugin_host.catalogue import hooks_of, plugin
from trilend.plugin_host.egress import Egress, allowed_hosts, is_for_trying_out
from trilend.plugin_host.errors import ConnectionNotReady, PluginNotAllowed, RealMoneyOnTrial
from trilend.plugin_host.models import AllowedPlugin, Connection, ConnectionState
from trilend.tenancy.context import tenant_or_none
from trilend.tenancy.models import TenantState
from trilend_sdk.context import PluginContext
from trilend_sdk.errors import OutcomeUnknown, PluginError
from trilend_sdk.hooks import facts
from trilend_sdk.manifest import Holder
from trilend_sdk.placeholders import Placeholders

log = structlog.get_logger(__name__)

Result = TypeVar("Result")
_MOVES_MONEY = frozenset({"bank_transfer", "bank_batch", "bank_debit"})
_calls = ThreadPoolExecutor(max_workers=32, thread_name_prefix="plugin")
_seconds = Histogram("trilend_plugin_call_seconds", "Duration of plugin calls", ["plugin", "hook", "outcome"])


@dataclass(frozen=True)
class Target:
    """Everything a call needs, read from the database beforehand, so that no transaction is open while it runs."""

    connection_id: int
    plugin: str
    config: dict[str, Any]
    secrets: dict[str, Any] = field(repr=False)


def target(session: Session, connection: Connection, *, must_be_active: bool = True) -> Target:
    """Check that the tenant allows this connection's plugin; raises `PluginNotAllowed`, `ConnectionNotReady`."""
    allowed = session.get(AllowedPlugin, connection.plugin)
    if allowed is None or not allowed.allowed:
        raise PluginNotAllowed(connection.plugin)
    if must_be_active and connection.state != ConnectionState.ACTIVE:
        raise ConnectionNotReady(connection.topic)
    return Target(connection.id, connection.plugin, dict(connection.config), dict(connection.secrets))


def check_may_pay(where: Target) -> None:
    """Refuse transfers through a real bank to a company that is not verified; raises `RealMoneyOnTrial`."""
    hosts = allowed_hosts(plugin(where.plugin).manifest.egress, where.config)
    tenant = tenant_or_none()
    verified = tenant is not None and tenant.state == TenantState.VERIFIED
    if not verified and not is_for_trying_out(hosts):
        raise RealMoneyOnTrial


def call(where: Target, hook: str, result: type[Result], *, deadline: float | None = None, **payload: Any) -> Result:
    """Call `hook` and return its checked result.

    Raises `RealMoneyOnTrial`, and the SDK's `Retryable`, `Terminal` or `OutcomeUnknown`. A plugin that raises anything else, takes longer
    than its deadline or returns something of another type yields `OutcomeUnknown`: its effect outside is not known.
    """
    if hook in _MOVES_MONEY:
        check_may_pay(where)
    manifest = plugin(where.plugin).manifest
    held = {secret.name for secret in manifest.secrets if secret.held_by is Holder.HOST}
    placeholders = Placeholders.of({name: value for name, value in where.secrets.items() if name in held})
    context = PluginContext(
        config=where.config,
        secrets=where.secrets | dict(placeholders.by_name),
        http=Egress(allowed_hosts(manifest.egress, where.config), placeholders),
        clock=now,
        log=structlog.get_logger("trilend.plugin").bind(plugin=where.plugin, connection=where.connection_id),
        connection=str(where.connection_id),
    )
    started = now()
    outcome = "error"
    try:
        answer = _run(where.plugin, hook, context, payload, deadline or facts(hook).deadline)
        if not isinstance(answer, result):
            raise OutcomeUnknown("the plugin returned something unexpected", code="bad_result")
        outcome = "ok"
        return answer
    except PluginError as error:
        outcome = error.code
        log.warning("plugin call failed", plugin=where.plugin, hook=hook, code=error.code)
        raise
    finally:
        _seconds.labels(where.plugin, hook, outcome).observe((now() - started).total_seconds())


def result_type(hook: str) -> type[Any]:
    """The declared result of a hook, from its specification."""
    return typing.cast(type[Any], facts(hook).result_type)


def _run(identity: str, hook: str, context: PluginContext, payload: dict[str, Any], deadline: float) -> Any:
    future = _calls.submit(lambda: getattr(hooks_of(identity), hook)(context=context, **payload))
    try:
        error = future.exception(timeout=deadline)
    except DeadlinePassed:
        future.cancel()
        raise OutcomeUnknown(f"no answer within {deadline:g} s", code="deadline") from None
    if error is None:
        return future.result()
    if isinstance(error, PluginError):
        raise error
    log.error("plugin raised", plugin=identity, hook=hook, error=repr(error))
    raise OutcomeUnknown("the plugin failed unexpectedly", code="plugin_crashed") from error
