"""Companies of the first release are brought to this one, equal fresh ones afterwards, and keep what they entered."""

import psycopg
import pytest
from tests.flow.migration.conftest import Company, Installation

pytestmark = pytest.mark.timeout(240)


def test_every_company_arrives_and_equals_a_fresh_one(first_release: Installation, companies: list[Company]) -> None:
    report = first_release.trilend("migrate")

    assert report == {"total": 6, "done": 6, "failed": {}, "halted": {}}
    assert first_release.trilend("tenant", "verify") == {"equal": 6, "different": {}, "behind": []}
    assert first_release.trilend("migrate")["total"] == 0


def test_what_a_company_entered_is_still_there(first_release: Installation, companies: list[Company]) -> None:
    first_release.trilend("migrate")

    for company in companies:
        assert first_release.ask(f"SELECT closed_days FROM {company.schema}.business_day") == [(7,)]


def test_new_permissions_reach_the_default_roles_and_taken_ones_stay_taken(
    first_release: Installation, companies: list[Company]
) -> None:
    company = next(each for each in companies if each.kind == "microfinance")
    grants = f"""
        SELECT role.name, view.name, permission.name
        FROM {company.schema}.ab_permission_view_role AS granted
        JOIN {company.schema}.ab_role AS role ON role.id = granted.role_id
        JOIN {company.schema}.ab_permission_view AS pair ON pair.id = granted.permission_view_id
        JOIN {company.schema}.ab_view_menu AS view ON view.id = pair.view_menu_id
        JOIN {company.schema}.ab_permission AS permission ON permission.id = pair.permission_id
        WHERE view.name = 'Loans' AND role.name IN ('Admin', 'Cashier')
        ORDER BY 1, 2, 3"""
    first_release.ask(
        f"""DELETE FROM {company.schema}.ab_permission_view_role WHERE role_id =
            (SELECT id FROM {company.schema}.ab_role WHERE name = 'Cashier')"""
    )
    # A view that the first release did not have: as if this one had brought it.
    first_release.ask(
        f"""WITH view AS (SELECT id FROM {company.schema}.ab_view_menu WHERE name = 'Loans'),
            pairs AS (SELECT id FROM {company.schema}.ab_permission_view WHERE view_menu_id = (SELECT id FROM view))
            DELETE FROM {company.schema}.ab_permission_view_role WHERE permission_view_id IN (SELECT id FROM pairs)"""
    )
    before = first_release.ask(grants)

    first_release.trilend("migrate")

    assert before == []
    assert first_release.ask(grants) == []


def test_the_old_login_can_take_no_tenants_role_any_more(first_release: Installation, companies: list[Company]) -> None:
    first_release.trilend("migrate")

    with (
        psycopg.connect(first_release.database.login_url.replace("+psycopg", "")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"SET ROLE {companies[0].schema}".encode())


def test_companies_are_spread_over_the_cells(first_release: Installation, companies: list[Company]) -> None:
    first_release.trilend("migrate")

    assert first_release.ask("SELECT count(DISTINCT cell) FROM trilend.tenant") == [(4,)]


def test_the_files_of_documents_get_rows_and_their_keys_a_number(
    first_release: Installation, companies: list[Company]
) -> None:
    company = companies[0]
    key = f"documents/{'0a' * 16}"
    first_release.ask(
        f"""INSERT INTO {company.schema}.document
            (subject_type, subject_id, kind, title, media_type, object_key, sha256, size)
            SELECT 'loan', number, 'contract', '合同', 'application/pdf', %s, repeat('b', 64), 12345
            FROM generate_series(1, 2) AS number""",
        key,
    )

    first_release.trilend("migrate")

    rows = f"SELECT key, area, size, sha256, media_type, key_number, deleted_at FROM {company.schema}.stored_object"
    assert first_release.ask(rows) == [(key, "documents", 12345, "b" * 64, "application/pdf", 1, None)]
    assert first_release.ask(
        "SELECT number, wrapped, retired_at FROM trilend.data_key WHERE tenant_id = %s", company.id
    ) == [(1, b"\x00", None)]


def test_lines_of_the_audit_log_are_chained_in_their_order(
    first_release: Installation, companies: list[Company]
) -> None:
    company = companies[0]
    first_release.ask(
        f"""INSERT INTO {company.schema}.audit_entry (actor, act, subject_type, subject_id, reason, details)
            SELECT '陈静', 'act.' || n, 'party', n, '原因：“旧”', '{{"name": "李秀兰"}}' FROM generate_series(1, 50) AS n"""
    )
    first_release.trilend("migrate")

    verified = first_release.trilend("audit", "verify", "--tenant", company.slug)["tenants"]
    assert [(each["lines"], each["problem"]) for each in verified] == [(50, None)]
    order = f"""SELECT act FROM {company.schema}.audit_link JOIN {company.schema}.audit_entry AS entry ON entry.id = entry_id
                ORDER BY number"""
    assert [act for (act,) in first_release.ask(order)] == [f"act.{n}" for n in range(1, 51)]
    first_release.ask(f"ALTER TABLE {company.schema}.audit_entry DISABLE TRIGGER USER")
    first_release.ask(f"UPDATE {company.schema}.audit_entry SET reason = '' WHERE act = 'act.20'")
    verified = first_release.trilend("audit", "verify", "--tenant", company.slug, code=1)["tenants"]
    assert [each["problem"]["number"] for each in verified] == [20]
