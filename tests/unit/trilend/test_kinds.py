"""Kinds are found by entry point, provision with their own roles and menu, and a fourth needs no change of ours."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import BigInteger, Column, MetaData, Table, select, text
from tests.numbers import new_uscc

from trilend.identity.seeds import permission_rows
from trilend.kinds import Role as RoleSpec
from trilend.kinds import kinds
from trilend.tenancy import blueprint
from trilend.tenancy.context import bound, tenant_session


def test_three_kinds_are_installed() -> None:
    assert set(kinds()) >= {"broker", "guarantee", "microfinance"}


@pytest.mark.parametrize("kind", ["broker", "guarantee", "microfinance"])
def test_each_kind_provisions_with_its_own_roles_and_tables(
    new_tenant: Callable[..., Any], installation: Any, kind: str
) -> None:
    tenant = new_tenant(kind)
    with bound(tenant), psycopg.connect(installation.database.superuser_url) as superuser:
        roles = set(tenant_session.scalars(select(Role.name)))
        named = superuser.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (tenant.schema,))
        tables = {row[0] for row in named}
        own = {table.name for table in kinds()[kind].tables}
        foreign = {table.name for other in kinds().values() if other.name != kind for table in other.tables}
        assert roles == {"Admin"} | {role.name for role in kinds()[kind].roles}
        assert own <= tables
        assert not foreign & tables


def test_a_role_that_grants_what_does_not_exist_is_refused() -> None:
    with pytest.raises(LookupError, match="can_fly"):
        permission_rows({"Loans": ["can_list"]}, [RoleSpec("Pilot", "Pilot", {"Loans": ("can_fly",)})])


_PAWN = """
from trilend.kinds import MenuEntry, MenuGroup, Role, TenantKind

KIND = TenantKind(
    name="pawn",
    label="典当行",
    summary="",
    icon="cash",
    menu=(MenuGroup("典当", (MenuEntry("客户", "PartiesView.overview", "users", ("can_list", "Parties")),)),),
    roles=(Role("Clerk", "店员", {"Parties": ("can_list", "can_show")}),),
)
"""
_SIGN_UP = """
import sys
from trilend.app import create_application
from trilend.signup.making import make_tenant
from trilend.tenancy.context import bound, tenant_session
from trilend.wiring import load
from sqlalchemy import text
from werkzeug.test import Client

load()
made = make_tenant(slug=sys.argv[1], kind="pawn", name="恒典典当行", uscc=sys.argv[2], admin="admin",
                   email="a@example.com", password="correct horse battery")
with bound(made):
    print(",".join(tenant_session.execute(text("SELECT name FROM ab_role ORDER BY name")).scalars()))
page = Client(create_application()).get("/login/", base_url=f"http://{made.slug}.localhost:8000")
print(page.status_code, "恒典典当行" in page.get_data(as_text=True))
"""


def test_a_fourth_kind_needs_no_change_of_the_platform(installation: Any, tmp_path: Path) -> None:
    (tmp_path / "pawn_kind.py").write_text(_PAWN, encoding="utf-8")
    info = tmp_path / "pawn_kind-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pawn-kind\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[trilend.kinds]\npawn = pawn_kind:KIND\n", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", _SIGN_UP, f"p{secrets.token_hex(5)}", new_uscc()],
        env=os.environ | installation.environment | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.splitlines() == ["Admin,Clerk", "200 True"], ran.stderr


def test_a_blueprint_is_the_same_text_each_time(installation: Any) -> None:
    from trilend.wiring import render_blueprint

    assert render_blueprint("microfinance").digest == render_blueprint("microfinance").digest


@pytest.mark.parametrize("kind", ["broker", "guarantee", "microfinance"])
def test_every_process_renders_the_same_text(installation: Any, kind: str) -> None:
    code = (
        "from trilend.wiring import load\nfrom trilend.tenancy.blueprint import blueprint_of\n"
        f"load()\nblueprint = blueprint_of('{kind}')\nprint(blueprint.digest, blueprint.permissions.revision)"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | installation.environment | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


def test_append_only_tables_give_their_role_no_update(tenant: Any, installation: Any) -> None:
    with psycopg.connect(installation.database.superuser_url) as superuser:
        held = superuser.execute(
            """SELECT relname FROM pg_class WHERE relnamespace = %(schema)s::text::regnamespace AND relkind = 'r'
               AND NOT has_table_privilege(%(schema)s::text, oid, 'UPDATE, DELETE, TRUNCATE')""",
            {"schema": tenant.schema},
        ).fetchall()
    append_only = {
        "audit_anchor",
        "audit_check",
        "audit_entry",
        "business_event",
        "document",
        "journal",
        "journal_line",
        "hand_over_item",
        "loan_event",
        "signature",
    }
    assert {row[0] for row in held} == append_only | {"audit_head", "audit_link", "schema_version"}


def test_a_foreign_table_is_left_out() -> None:
    table = Table("made_up", MetaData(), Column("id", BigInteger, primary_key=True))
    nothing = blueprint.Permissions("")
    assert "made_up" not in blueprint.render("x", [table], [], stamp="", opening="", permissions=nothing).sql


def test_seeded_texts_keep_their_per_cent_signs(new_tenant: Callable[..., Any]) -> None:
    with bound(new_tenant()):
        basis = tenant_session.execute(text("SELECT legal_basis FROM parameter WHERE name = 'penalty_multiple'"))
        assert "30%–50%" in basis.scalar_one()
