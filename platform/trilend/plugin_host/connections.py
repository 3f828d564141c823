"""What a tenant can do with its connections: set up, change, test, find."""

from collections.abc import Mapping, Sequence
from typing import Any

import jsonschema
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.audit.changes import changed, snapshot
from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.errors import NotFound
from trilend.identity.holders import people_with
from trilend.notices.service import tell
from trilend.notices.sorts import CONNECTION_FAILED
from trilend.plugin_host.catalogue import plugin
from trilend.plugin_host.dispatcher import call, target
from trilend.plugin_host.errors import ConnectionNotReady, InvalidConnection
from trilend.plugin_host.models import AllowedPlugin, Connection, ConnectionState
from trilend_sdk.errors import PluginError
from trilend_sdk.esign import Enrolment, EnrolmentRequest
from trilend_sdk.manifest import Manifest
from trilend_sdk.payload import CheckResult

_AUDITED = ("name", "config", "secrets", "state")


def topic_of(manifest: Manifest) -> str:
    """The topic of a plugin's connections, without the API number."""
    return manifest.api[0].partition("/")[0]


def connections(session: Session) -> Sequence[Connection]:
    """All connections, by topic and name."""
    return session.scalars(select(Connection).order_by(Connection.topic, Connection.name)).all()


def connection(session: Session, connection_id: int) -> Connection:
    """One connection; raises `NotFound`."""
    found = session.get(Connection, connection_id)
    if found is None:
        raise NotFound(_l("This connection does not exist."), id=connection_id)
    return found


def active_connection(session: Session, topic: str) -> Connection:
    """The first active connection of a topic; raises `ConnectionNotReady`."""
    found = session.scalar(
        select(Connection)
        .where(Connection.topic == topic, Connection.state == ConnectionState.ACTIVE)
        .order_by(Connection.id)
        .limit(1)
    )
    if found is None:
        raise ConnectionNotReady(topic)
    return found


def save_connection(
    session: Session,
    actor: Actor,
    *,
    plugin_identity: str,
    name: str,
    config: Mapping[str, Any],
    secrets: Mapping[str, str],
    existing: Connection | None = None,
) -> Connection:
    """Add or change a connection; empty secrets keep what is stored. Raises `InvalidConnection` field by field."""
    manifest = plugin(plugin_identity).manifest
    properties = manifest.config_schema.get("properties", {})
    made = {
        key: value
        for key, value in (existing.config if existing else {}).items()
        if properties.get(key, {}).get("x-made-by-enrolment")
    }
    cleaned = made | {key: value for key, value in config.items() if value not in ("", None)}
    kept = dict(existing.secrets) if existing else {}
    merged = kept | {key: value for key, value in secrets.items() if value}
    problems = _problems(manifest, name, cleaned, merged)
    taken = session.scalar(select(Connection.id).where(Connection.name == name))
    if taken is not None and (existing is None or taken != existing.id):
        problems["name"] = gettext("Another connection has this name.")
    if problems:
        raise InvalidConnection(problems)
    before = snapshot(existing, *_AUDITED) if existing else None
    saved = existing or Connection(plugin=plugin_identity, topic=topic_of(manifest))
    saved.name, saved.config, saved.secrets, saved.state = name, cleaned, merged, ConnectionState.DRAFT
    session.add(saved)
    session.flush()
    record(
        session,
        actor,
        "connection.changed" if existing else "connection.added",
        "connection",
        saved.id,
        changes=changed(before, snapshot(saved, *_AUDITED)),
        name=name,
    )
    return saved


def enrol(session: Session, actor: Actor, subject: Connection, *, organization: str, uscc: str) -> None:
    """Have the plugin make a signing identity for the company, and keep it with the connection."""
    made = call(
        target(session, subject, must_be_active=False),
        "esign_enrol",
        Enrolment,
        request=EnrolmentRequest(organization=organization, uscc=uscc),
    )
    before = snapshot(subject, *_AUDITED)
    subject.config = dict(subject.config) | dict(made.config)
    subject.secrets = dict(subject.secrets) | dict(made.secrets)
    changes = changed(before, snapshot(subject, *_AUDITED))
    record(
        session,
        actor,
        "connection.enrolled",
        "connection",
        subject.id,
        changes=changes,
        name=subject.name,
        subject=made.certificate_subject,
    )


def needs_enrolment(manifest: Manifest, subject: Connection) -> bool:
    """Whether the plugin makes a signing identity and this connection has none yet."""
    made = [secret.name for secret in manifest.secrets if secret.made_by_enrolment]
    return bool(made) and not any(subject.secrets.get(name) for name in made)


def test_connection(session: Session, actor: Actor, subject: Connection) -> CheckResult:
    """Test a connection; it becomes active if the plugin says that it works."""
    try:
        checked = call(target(session, subject, must_be_active=False), f"{subject.topic}_check", CheckResult)
    except PluginError as error:
        checked = CheckResult(ok=False, message=error.message)
    before = snapshot(subject, "state")
    subject.checked_at = now()
    subject.check_message = checked.message[:500]
    subject.state = ConnectionState.ACTIVE if checked.ok else ConnectionState.DRAFT
    changes = changed(before, snapshot(subject, "state"))
    record(
        session, actor, "connection.tested", "connection", subject.id, changes=changes, name=subject.name, ok=checked.ok
    )
    if not checked.ok:
        _tell_failed(session, actor, subject)
    return checked


def _tell_failed(session: Session, actor: Actor, subject: Connection) -> None:
    """Tell those who look after connections, but for whoever sees it on the page now, once for each test that failed."""
    people = people_with(session, ("can_edit", "Connections"), but=actor.user_id)
    data = {"name": subject.name, "why": subject.check_message[:300]}
    key = f"connection.{subject.id}.{now():%Y%m%d%H%M%S}"
    tell(session, CONNECTION_FAILED, people, data=data, url=f"/connections/{subject.id}", key=key)


def switch_off(session: Session, actor: Actor, subject: Connection) -> None:
    """Take a connection out of use; calls through it are refused from now on."""
    before = snapshot(subject, "state")
    subject.state = ConnectionState.OFF
    changes = changed(before, snapshot(subject, "state"))
    record(session, actor, "connection.switched_off", "connection", subject.id, changes=changes, name=subject.name)


def allow_plugin(session: Session, actor: Actor, identity: str, *, allowed: bool) -> None:
    """Put a plugin on the tenant's allow-list, or take it off."""
    row = session.get(AllowedPlugin, identity)
    before = snapshot(row, "allowed") if row else None
    row = row or AllowedPlugin(plugin=plugin(identity).identity)
    row.allowed = allowed
    session.add(row)
    session.flush()
    changes = changed(before, snapshot(row, "allowed"))
    record(
        session,
        actor,
        "plugin.allowed" if allowed else "plugin.disallowed",
        "plugin",
        0,
        changes=changes,
        plugin=identity,
    )


def _problems(manifest: Manifest, name: str, config: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, str]:
    problems = {}
    if not name.strip():
        problems["name"] = gettext("Give the connection a name.")
    checker = jsonschema.Draft202012Validator(
        dict(manifest.config_schema), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    for error in checker.iter_errors(dict(config)):
        if error.validator == "required":
            for missing in error.validator_value:
                if missing not in config:
                    problems[missing] = gettext("This field is needed.")
        else:
            problems[str(error.path[0]) if error.path else "name"] = gettext("This value does not have the right form.")
    for secret in manifest.secrets:
        if secret.required and not secret.made_by_enrolment and not secrets.get(secret.name):
            problems[secret.name] = gettext("This field is needed.")
    return problems
