"""A schema that was changed by hand is named with what is different, marked, and comes back when it is mended."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import select
from tests import releases, stack

from trilend.tenancy.context import RegistrySession
from trilend.tenancy.migration.fingerprint import compare, lines_of
from trilend.tenancy.migration.registry import migrate_registry, registry_difference, verify_registry
from trilend.tenancy.migration.verification import verify_fleet
from trilend.tenancy.models import Tenant

# What was done by hand, how it is undone, and what is said of it.
TAMPERINGS = {
    "a dropped column": (
        "ALTER TABLE {schema}.business_day DROP COLUMN closed_days",
        "ALTER TABLE {schema}.business_day ADD COLUMN closed_days bigint NOT NULL DEFAULT 0;"
        "ALTER TABLE {schema}.business_day ALTER COLUMN closed_days DROP DEFAULT",
        "missing: column business_day.closed_days bigint not null default=",
    ),
    "a further index": (
        "CREATE INDEX by_hand ON {schema}.business_day (closed_days)",
        "DROP INDEX {schema}.by_hand",
        "not expected: index CREATE INDEX by_hand ON ~.business_day USING btree (closed_days) valid=t",
    ),
    "a right too many": (
        "GRANT UPDATE ON {schema}.audit_entry TO {schema}",
        "REVOKE UPDATE ON {schema}.audit_entry FROM {schema}",
        "not expected: r audit_entry owner=trilend_owner rights={trilend_owner=arwdDxtm/trilend_owner,~=rw/trilend_owner",
    ),
    "a right on one column": (
        "GRANT UPDATE (id) ON {schema}.audit_entry TO {schema}",
        "REVOKE UPDATE (id) ON {schema}.audit_entry FROM {schema}",
        "rights={~=w/trilend_owner}",
    ),
    "a trigger that is off": (
        "ALTER TABLE {schema}.audit_entry DISABLE TRIGGER append_only",
        "ALTER TABLE {schema}.audit_entry ENABLE TRIGGER append_only",
        "not expected: trigger CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ~.audit_entry",
    ),
    "a changed function": (
        "CREATE OR REPLACE FUNCTION {schema}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NEW; END'",
        None,
        "missing: function CREATE OR REPLACE FUNCTION ~.refuse_change()",
    ),
    "a role of another tenant's": (
        "CREATE ROLE t_intruder; GRANT {schema} TO t_intruder",
        "DROP ROLE t_intruder",
        "not expected: role is taken by t_intruder",
    ),
    "a role that may log in": (
        "ALTER ROLE {schema} LOGIN",
        "ALTER ROLE {schema} NOLOGIN",
        "not expected: role login=t",
    ),
}


def change(installation: Any, statement: str, tenant: Any) -> None:
    with psycopg.connect(installation.database.superuser_url) as connection:
        connection.execute(statement.replace("{schema}", tenant.schema).encode())


def fault_of(tenant: Any) -> str:
    with RegistrySession() as registry:
        return registry.scalars(select(Tenant.fault).where(Tenant.id == tenant.id)).one()


@pytest.mark.parametrize("what", TAMPERINGS)
def test_a_change_by_hand_is_named_and_marked_until_it_is_mended(
    alone: None, installation: Any, new_tenant: Callable[..., Any], what: str
) -> None:
    done, undone, said = TAMPERINGS[what]
    tenant, neighbour = new_tenant("broker"), new_tenant("broker")
    change(installation, "SET ROLE trilend_owner;" + done if "ROLE" not in done else done, tenant)

    report = verify_fleet()

    assert list(report.different) == [tenant.slug]
    assert said in report.different[tenant.slug]
    assert fault_of(tenant).startswith("differs: ")
    assert (report.equal, fault_of(neighbour)) == (1, "")

    change(installation, undone or _function_of(installation, neighbour, tenant), tenant)
    assert verify_fleet([tenant.slug]).equal == 1
    assert fault_of(tenant) == ""


def test_a_schema_that_is_gone_is_named(alone: None, installation: Any, new_tenant: Callable[..., Any]) -> None:
    tenant = new_tenant("broker")
    change(installation, "DROP SCHEMA {schema} CASCADE", tenant)

    report = verify_fleet()

    assert report.different == {tenant.slug: f"missing: the whole schema {tenant.schema}"}


def test_the_command_names_the_difference_and_ends_with_an_error(
    alone: None, installation: Any, new_tenant: Callable[..., Any]
) -> None:
    tenant = new_tenant("broker")
    change(installation, "DROP TABLE {schema}.business_day", tenant)
    command = [sys.executable, "-m", "trilend.cli", "tenant", "verify"]

    text = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    answer = subprocess.run([*command, "--json"], env=os.environ, capture_output=True, text=True, check=False)

    assert (text.returncode, answer.returncode) == (1, 1)
    assert "0 schemas equal a fresh one, 1 do not." in text.stdout
    assert f"{tenant.slug}: missing: column business_day.business_date date not null" in text.stdout
    assert list(json.loads(answer.stdout)["different"]) == [tenant.slug]


def test_a_registry_of_the_first_release_comes_to_equal_a_new_one(postgres: Any, installation: Any) -> None:
    old, new = stack.empty_database(postgres), stack.new_database(postgres)
    with psycopg.connect(old.owner_url) as owner:
        releases.make_registry(owner)
    before = verify_registry(old.owner_url)
    assert any("table" in line or "column" in line for line in before.missing)

    migrate_registry(old.owner_url)

    assert not verify_registry(old.owner_url), str(verify_registry(old.owner_url))
    assert not verify_registry(new.owner_url), "what is made aside equals what is made in place"
    with psycopg.connect(old.owner_url) as left, psycopg.connect(new.owner_url) as right:
        difference = compare(left, "trilend", 0, lines_of(right, "trilend", 0))
        schemas = left.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'trilend%fresh%'").fetchone()
    assert not difference, str(difference)
    assert schemas == (0,)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("ALTER TABLE trilend.plan DROP COLUMN people", "column plan.people"),
        ("CREATE INDEX extra ON trilend.plan (label)", "extra"),
        ("GRANT SELECT ON trilend.data_key TO PUBLIC", "data_key"),
        ("ALTER ROLE trilend_cell_00 BYPASSRLS", "trilend_cell_00"),
        ("ALTER ROLE trilend_app INHERIT", "trilend_app"),
        (
            "GRANT trilend_registry TO trilend_cell_01 WITH INHERIT FALSE",
            "trilend_cell_01 may take trilend_registry",
        ),
        ("ALTER TABLE trilend.plan OWNER TO trilend_app", "trilend_app owns trilend.plan"),
    ],
)
def test_what_was_changed_in_a_registry_is_named(changed_registry: stack.Database, change: str, named: str) -> None:
    with psycopg.connect(changed_registry.superuser_url) as superuser:
        # Roles belong to the whole server, which other tests use: nothing of this is ever committed.
        superuser.execute(change.encode())
        superuser.execute("SET LOCAL ROLE trilend_owner")
        difference = registry_difference(superuser)
        superuser.rollback()
    assert named in str(difference)


@pytest.fixture(scope="module")
def changed_registry(postgres: Any, installation: Any) -> stack.Database:
    """A registry of its own that tests may spoil."""
    return stack.new_database(postgres)


def test_the_command_says_whether_the_registry_is_equal(changed_registry: stack.Database, installation: Any) -> None:
    addresses = {"TRILEND_OWNER_DATABASE_URL": changed_registry.owner_url}
    command = [sys.executable, "-m", "trilend.cli", "registry", "verify", "--json"]
    with psycopg.connect(changed_registry.superuser_url) as superuser:
        superuser.execute(b"CREATE TABLE trilend.left_over (id int)")

    sound = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    spoilt = subprocess.run(command, env=os.environ | addresses, capture_output=True, text=True, check=False)

    assert (sound.returncode, spoilt.returncode) == (0, 1), sound.stdout + sound.stderr
    assert json.loads(sound.stdout) == {"equal": True, "missing": [], "surplus": []}
    assert any("left_over" in line for line in json.loads(spoilt.stdout)["surplus"])


def _function_of(installation: Any, neighbour: Any, tenant: Any) -> str:
    """The function as the neighbour still has it."""
    with psycopg.connect(installation.database.superuser_url) as connection:
        found = connection.execute(
            "SELECT pg_get_functiondef(%s::regprocedure)", (f"{neighbour.schema}.refuse_change()",)
        ).fetchone()
    assert found is not None
    return str(found[0]).replace(neighbour.schema, tenant.schema)
