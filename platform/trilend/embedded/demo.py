"""Fills an installation with one demo company of each kind, and writes down how to enter them."""

import json
import secrets
import shutil
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from flask_appbuilder.security.sqla.models import User
from psycopg import sql
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.security import generate_password_hash

from trilend.audit.service import SYSTEM
from trilend.config import settings
from trilend.db.base import REGISTRY_SCHEMA
from trilend.embedded.errors import CannotStart
from trilend.embedded.home import write_private
from trilend.identity.models import ApiClient
from trilend.identity.scopes import SCOPES
from trilend.identity.service import add_api_client
from trilend.kinds import TenantKind
from trilend.plugin_host.connections import enrol, save_connection, test_connection
from trilend.plugin_host.models import Connection
from trilend.signup.making import make_tenant
from trilend.tenancy.context import BoundTenant, RegistrySession, bound, tenant_session
from trilend.tenancy.models import Tenant, TenantState
from trilend.tenancy.provisioning import drop_space
from trilend.tenancy.service import tenant_by_slug
from trilend.wiring import load, speaking
from trilend_sandbox.bank.admin_client import BankAdmin
from trilend_sdk.payload import CheckResult


@dataclass(frozen=True)
class DemoWorld:
    """What a kind's demo may use: the password of its staff, and the sandbox bank to open accounts and pay in."""

    password: str
    bank: BankAdmin


COMPANIES = {
    "microfinance": ("qingshan", "青山小额贷款有限公司", "91110105MA01AB3C7H"),
    "guarantee": ("anxin", "安信融资担保有限公司", "91110105MA02CD5E1W"),
    "broker": ("zhutong", "助通信息咨询有限公司", "91110105MA03EF7G57"),
}


class _SandboxBank(BankAdmin):
    """The sandbox bank, whose accounts may be left from a demo that was cut short."""

    def open_account(self, holder: str, balance: str = "0", number: str = "", bank_name: str = "") -> dict[str, Any]:
        """Open an account, or give the one that is there."""
        try:
            return super().open_account(holder, balance, number, bank_name)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != HTTPStatus.CONFLICT:
                raise
            return self.account(number)


def read_demo(home: Path) -> dict[str, Any]:
    """What `demo.json` says, or nothing."""
    try:
        found: dict[str, Any] = json.loads((home / "demo.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found


def is_complete(home: Path) -> bool:
    """Whether every demo company is there, whole, and written down under the address of today."""
    found = read_demo(home)
    known = {entry["kind"]: entry for entry in found.get("tenants", [])}
    return (
        found.get("base_url") == settings().base_url
        and not _marker(home).exists()
        and all(name in known and _found(known[name]["slug"]) for name in load() if name in COMPANIES)
    )


def fill_in(home: Path) -> None:
    """Make what is missing of the demo companies; a second call changes nothing that is there.

    A company that was cut short in the making is thrown away and made anew: nobody has been told how to enter it.
    Each company is written down as soon as it is whole.
    """
    written = {entry["kind"]: entry for entry in read_demo(home).get("tenants", [])}
    bank = _SandboxBank(_bank_url(), home / "bank" / "ca.pem")
    if _marker(home).exists():
        _discard(home)
    for kind in load().values():
        if kind.name in COMPANIES:
            entry = written.get(kind.name)
            if entry and _found(entry["slug"]):
                _follow_bank(tenant_by_slug(entry["slug"]), home)
            else:
                written[kind.name] = _company(kind, bank, home)
            _write(home, list(written.values()))
            _marker(home).unlink(missing_ok=True)
    bank.set_book_date(None)


def _company(kind: TenantKind, bank: BankAdmin, home: Path) -> dict[str, str]:
    slug, name, uscc = COMPANIES[kind.name]
    password = secrets.token_urlsafe(9)
    found = _found(slug)
    if found and found.uscc != uscc:
        raise CannotStart(f"The address {slug} belongs to a company that is not a demo; start without --demo.")
    if not found:
        _marker(home).write_text(slug, encoding="utf-8")
        make_tenant(
            slug=slug,
            kind=kind.name,
            name=name,
            uscc=uscc,
            admin="admin",
            admin_name="管理员",
            email=f"admin@{slug}.example",
            password=password,
        )
    tenant = tenant_by_slug(slug)
    with speaking(), bound(tenant):
        session = tenant_session()
        client, secret = _client(session)
        connect_seal(session, tenant)
        connect_bank(session, tenant, bank, base_url=_bank_url(), ca_pem=home / "bank" / "ca.pem")
        session.commit()
        if found:
            # The company is whole, only demo.json is lost.
            _set_password(session, password)
        elif kind.load_demo is not None:
            kind.load_demo(session, DemoWorld(password=password, bank=bank))
        session.commit()
    return {
        "slug": slug,
        "kind": kind.name,
        "url": settings().url_of(slug),
        "username": "admin",
        "password": password,
        "client_id": client,
        "client_secret": secret,
    }


def _marker(home: Path) -> Path:
    """The file that names the company in the making; it is there from before its registration until it is whole."""
    return home / "demo.making"


def _found(slug: str) -> Tenant | None:
    with RegistrySession() as session:
        return session.scalar(select(Tenant).where(Tenant.slug == slug, Tenant.state != TenantState.PROVISIONING))


def _discard(home: Path) -> None:
    """Remove the demo company that was cut short: its registration, schema, role, stored files and short messages."""
    slug = _marker(home).read_text(encoding="utf-8").strip()
    written = {entry["slug"] for entry in read_demo(home).get("tenants", [])}
    codes = [uscc for known, _, uscc in COMPANIES.values() if known == slug and known not in written]
    owner = settings().owner_database_url
    if codes and owner is not None:
        with psycopg.connect(owner.get_secret_value()) as connection:
            registered = sql.Identifier(REGISTRY_SCHEMA, "tenant")
            statement = sql.SQL("DELETE FROM {} WHERE slug = %s AND uscc = %s RETURNING id").format(registered)
            row = connection.execute(statement, (slug, codes[0])).fetchone()
            if row is not None:
                drop_space(connection, f"t_{row[0]}")
                # The new company numbers its contracts alike: the codes of the former would be taken for its own.
                messages = sql.SQL("DELETE FROM {} WHERE channel = 'sms' AND created_at >= to_timestamp(%s)").format(
                    sql.Identifier(REGISTRY_SCHEMA, "outbox_message")
                )
                connection.execute(messages, (_marker(home).stat().st_mtime - 1,))
        if row is not None:
            shutil.rmtree(home / "objects" / row[0], ignore_errors=True)
    _marker(home).unlink()


def _client(session: Session) -> tuple[str, str]:
    former = session.scalar(select(ApiClient).where(ApiClient.name == "demo"))
    if former is not None:
        session.delete(former)
        session.flush()
    client, secret = add_api_client(session, SYSTEM, name="demo", scopes=list(SCOPES))
    return client.client_id, secret


def _set_password(session: Session, password: str) -> None:
    admin = session.scalars(select(User).where(User.username == "admin")).one()
    admin.password = generate_password_hash(password)


def _bank_url() -> str:
    port = urlsplit(settings().base_url).port or 443
    return f"https://127.0.0.1:{port + 1}"


def _follow_bank(tenant: BoundTenant, home: Path) -> None:
    """Tell a demo company the sandbox bank's address after a start on another port."""
    with bound(tenant):
        session = tenant_session()
        subject = session.scalar(select(Connection).where(Connection.topic == "bank"))
        if subject is None or subject.config["base_url"] == _bank_url():
            return
        ca_pem = (home / "bank" / "ca.pem").read_text(encoding="utf-8")
        save_connection(
            session,
            SYSTEM,
            plugin_identity=subject.plugin,
            name=subject.name,
            config=subject.config | {"base_url": _bank_url(), "trust_pem": ca_pem},
            secrets={},
            existing=subject,
        )
        _require(test_connection(session, SYSTEM, subject))
        session.commit()


def connect_seal(session: Session, tenant: BoundTenant) -> None:
    """Give the bound company a seal of its own by the bundled signing plugin, unless it has one."""
    if session.scalar(select(Connection.id).where(Connection.topic == "esign")):
        return
    made = save_connection(
        session,
        SYSTEM,
        plugin_identity="trilend/pyhanko",
        name="电子印章",
        config={"organization": tenant.name, "uscc": tenant.uscc},
        secrets={},
    )
    enrol(session, SYSTEM, made, organization=tenant.name, uscc=tenant.uscc)
    _require(test_connection(session, SYSTEM, made))


def connect_bank(
    session: Session,
    tenant: BoundTenant,
    bank: BankAdmin,
    *,
    base_url: str,
    ca_pem: Path,
    balance: str = "100000000.00",
) -> str:
    """Open an account for the bound company at a sandbox bank and connect it, unless there is one.

    `balance` is what the account opens with (yuan); returns the account's number.
    """
    former = session.scalar(select(Connection).where(Connection.topic == "bank"))
    if former is not None:
        return str(former.config["account_number"])
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    account = bank.open_account(tenant.name, balance=balance)
    bank.register_client(f"trilend-{tenant.slug}", _public_pem(key), [account["number"]])
    made = save_connection(
        session,
        SYSTEM,
        plugin_identity="trilend/openbank",
        name="放款专户",
        config={
            "base_url": base_url,
            "client_id": f"trilend-{tenant.slug}",
            "account_holder": tenant.name,
            "account_number": account["number"],
            "bank_name": account["bank_name"],
            "trust_pem": ca_pem.read_text(encoding="utf-8"),
            "bank_public_key": bank.public_key(),
        },
        secrets={"client_private_key": _private_pem(key)},
    )
    _require(test_connection(session, SYSTEM, made))
    return str(account["number"])


def _public_pem(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _require(checked: CheckResult) -> None:
    if not checked.ok:
        raise RuntimeError(f"a demo connection does not work: {checked.message}")


def _write(home: Path, tenants: list[dict[str, str]]) -> None:
    kept = json.loads((home / "secrets.json").read_text(encoding="utf-8"))
    content = {
        "base_url": settings().base_url,
        "console": {"url": settings().url_of("console"), "username": "operator", "password": kept["console"]},
        "tenants": [entry | {"url": settings().url_of(entry["slug"])} for entry in tenants],
    }
    write_private(home / "demo.json", json.dumps(content, ensure_ascii=False, indent=2))
