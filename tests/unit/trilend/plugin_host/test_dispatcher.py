"""The dispatcher: what a plugin does wrong harms nobody, and says what is known of its effect."""

import time
from collections.abc import Iterator
from typing import Any

import pluggy
import pytest
from sqlalchemy.orm import Session

from trilend.audit.service import SYSTEM
from trilend.plugin_host import dispatcher
from trilend.plugin_host.connections import allow_plugin, save_connection, switch_off
from trilend.plugin_host.connections import test_connection as check_connection
from trilend.plugin_host.dispatcher import Target, call, target
from trilend.plugin_host.egress import Egress, allowed_hosts
from trilend.plugin_host.errors import ConnectionNotReady, InvalidConnection, PluginNotAllowed
from trilend.plugin_host.models import Connection, ConnectionState
from trilend.tenancy.context import current_tenant
from trilend.tenancy.errors import NoTenantBound
from trilend_sdk import OutcomeUnknown, PluginContext, Retryable, Terminal, hookimpl
from trilend_sdk.bank import BankHooks
from trilend_sdk.hooks import PROJECT
from trilend_sdk.payload import CheckResult


class Misbehaving:
    """A plugin whose `bank_check` does whatever the connection's configuration says."""

    @hookimpl
    def bank_check(self, context: PluginContext) -> Any:
        how = context.config["how"]
        if how == "slow":
            time.sleep(1.0)
        if how == "raise":
            raise RuntimeError("secret detail of the plugin")
        if how == "exit":
            raise SystemExit(3)
        if how == "rubbish":
            return {"ok": True}
        if how == "nothing":
            return None
        if how == "terminal":
            raise Terminal("the bank says no", code="refused")
        if how == "retryable":
            raise Retryable("not now")
        if how == "peek":
            current_tenant()
        return CheckResult(ok=True, message="fine")


@pytest.fixture
def misbehaving(installation: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(BankHooks)
    manager.register(Misbehaving())
    monkeypatch.setattr(dispatcher, "hooks_of", lambda identity: manager.hook)
    return lambda how, **options: call(
        Target(1, "trilend/openbank", {"how": how}, {}), "bank_check", CheckResult, **options
    )


def test_a_result_of_the_right_type_is_given_back(misbehaving: Any) -> None:
    assert misbehaving("well").message == "fine"


@pytest.mark.parametrize("how", ["raise", "exit", "rubbish", "nothing"])
def test_whatever_else_a_plugin_does_its_effect_is_unknown(misbehaving: Any, how: str) -> None:
    with pytest.raises(OutcomeUnknown) as unknown:
        misbehaving(how)
    assert "secret detail" not in unknown.value.message


def test_a_plugin_that_takes_too_long_is_not_waited_for(misbehaving: Any) -> None:
    begun = time.monotonic()
    with pytest.raises(OutcomeUnknown) as unknown:
        misbehaving("slow", deadline=0.1)
    assert time.monotonic() - begun < 0.8
    assert unknown.value.code == "deadline"


def test_the_plugins_own_errors_pass_as_they_are(misbehaving: Any) -> None:
    with pytest.raises(Terminal, match="the bank says no"):
        misbehaving("terminal")
    with pytest.raises(Retryable):
        misbehaving("retryable")


def test_a_plugin_runs_without_any_tenant_bound(misbehaving: Any, session: Session) -> None:
    assert current_tenant()
    with pytest.raises(OutcomeUnknown) as unknown:
        misbehaving("peek")
    assert isinstance(unknown.value.__cause__, NoTenantBound)


@pytest.fixture
def seal(session: Session) -> Connection:
    tenant = current_tenant()
    return save_connection(
        session,
        SYSTEM,
        plugin_identity="trilend/pyhanko",
        name="章",
        config={"organization": tenant.name, "uscc": tenant.uscc},
        secrets={},
    )


def test_a_connection_is_used_only_once_it_has_been_tested(session: Session, seal: Connection) -> None:
    with pytest.raises(ConnectionNotReady):
        target(session, seal)
    assert check_connection(session, SYSTEM, seal).ok is False  # nothing has been enrolled yet
    assert seal.state == ConnectionState.DRAFT


def test_a_plugin_off_the_allow_list_is_refused(session: Session, seal: Connection) -> None:
    allow_plugin(session, SYSTEM, "trilend/pyhanko", allowed=False)
    with pytest.raises(PluginNotAllowed):
        target(session, seal, must_be_active=False)
    allow_plugin(session, SYSTEM, "trilend/pyhanko", allowed=True)
    seal.state = ConnectionState.ACTIVE
    assert target(session, seal).plugin == "trilend/pyhanko"
    switch_off(session, SYSTEM, seal)
    with pytest.raises(ConnectionNotReady):
        target(session, seal)


def test_secrets_are_encrypted_at_rest_and_kept_when_left_empty(session: Session) -> None:
    def save(secrets: dict[str, str], existing: Connection | None = None) -> Connection:
        return save_connection(
            session,
            SYSTEM,
            plugin_identity="trilend/openbank",
            name="银行",
            config={
                "base_url": "https://bank.example",
                "client_id": "c",
                "account_holder": "甲",
                "account_number": "62220000",
                "bank_name": "某银行",
                "trust_pem": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----",
                "bank_public_key": "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----",
            },
            secrets=secrets,
            existing=existing,
        )

    made = save({"client_private_key": "a very private key"})
    session.commit()
    raw = session.connection().exec_driver_sql("SELECT secrets FROM connection").scalar_one()
    assert b"private" not in bytes(raw)
    assert save({"client_private_key": ""}, made).secrets["client_private_key"] == "a very private key"


def test_what_does_not_fit_the_schema_is_named_field_by_field(session: Session) -> None:
    with pytest.raises(InvalidConnection) as refused:
        save_connection(
            session, SYSTEM, plugin_identity="trilend/openbank", name="", config={"base_url": "http://x"}, secrets={}
        )
    problems = refused.value.details["fields"]
    assert {"name", "base_url", "client_id", "account_number", "client_private_key"} <= set(problems)


@pytest.mark.parametrize(
    "url",
    [
        "http://bank.example/",
        "https://other.example/",
        "https://bank.example.evil.example/",
        "https://bank.example@other.example/",
        "ftp://bank.example/",
    ],
)
def test_only_the_named_hosts_and_only_https(installation: Any, url: str) -> None:
    from trilend_sdk import HttpRequest

    with pytest.raises(Terminal):
        Egress(frozenset({"bank.example"})).send(HttpRequest("GET", url))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "192.168.1.1"])
def test_private_addresses_are_refused_where_no_sandbox_runs(
    installation: Any, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    from trilend.config import settings
    from trilend_sdk import HttpRequest

    closed = settings().model_copy(update={"allow_loopback_egress": False})
    monkeypatch.setattr("trilend.plugin_host.egress.settings", lambda: closed)
    with pytest.raises(Terminal, match="private"):
        Egress(frozenset({host})).send(HttpRequest("GET", f"https://{host}/"))


def test_a_configured_address_names_its_host() -> None:
    assert allowed_hosts(["${base_url}", "ocsp.example"], {"base_url": "https://bank.example:8443/x"}) == {
        "bank.example",
        "ocsp.example",
    }
