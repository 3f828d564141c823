"""The gate for SQL written by a tenant: what it answers, how it says no, and what does not get through it."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import text
from tests.isolation.conftest import CANARY, Scene

from trilend.db.errors import TookTooLong
from trilend.tenancy.context import bound, tenant_session
from trilend.tenancy.gate import ReportRefused, run_report


@pytest.fixture(autouse=True)
def _as_attacker(scene: Scene) -> Iterator[None]:
    """All here is done by the attacker; afterwards everything is as before, and so is the next transaction."""
    before = scene.state()
    with bound(scene.attacker):
        yield
        role, path = tenant_session.execute(text("SELECT current_user, current_setting('search_path')")).one()
        assert (role, path) == (scene.attacker.schema, scene.attacker.schema)
    assert scene.state() == before


def test_a_query_gives_its_rows_with_columns_in_order_and_exact_figures() -> None:
    report = run_report("SELECT 'x' AS zeta, 0.10::numeric AS alpha, DATE '2026-01-31' AS day, NULL AS nothing")
    assert [list(row.items()) for row in report.rows] == [
        [("zeta", "x"), ("alpha", Decimal("0.10")), ("day", "2026-01-31"), ("nothing", None)]
    ]
    assert not report.truncated


def test_a_query_reads_the_tables_of_its_own_company_and_may_have_parameters() -> None:
    report = run_report(
        "SELECT code, name FROM account WHERE code = $1->>'code' -- a comment at the end", {"code": "1002"}
    )
    assert [row["code"] for row in report.rows] == ["1002"]


def test_rows_end_at_the_cap_wherever_the_text_leaves_its_parentheses() -> None:
    report = run_report("SELECT n FROM generate_series(1, 5000) AS n", most=7)
    assert [row["n"] for row in report.rows] == [1, 2, 3, 4, 5, 6, 7]
    assert report.truncated
    escaped = run_report("SELECT 1) AS y CROSS JOIN (SELECT generate_series(1, 5000)", most=7)
    assert len(escaped.rows) == 7
    assert escaped.truncated


@pytest.mark.parametrize(
    ("sql", "line", "column", "says"),
    [
        ("SELECT 1,\n  FROM account", 2, 3, "at this place"),
        ("SELECT code\nFROM account\nWHERE nme = 'x'", 3, 7, "no such column"),
        ("SELECT *\nFROM acount", 2, 6, "no such table"),
        ("SELECT password FROM ab_user", None, None, "cannot use"),
        ("SELECT (1", 1, 10, "at this place"),
        ("SELECT nothing_like_that(1)", 1, 8, "takes these values"),
        ("SELECT 1 / (SELECT 0)", None, None, "divides by zero"),
        ("SELECT 'x'::date", 1, 8, "form"),
        ("SELECT 1; SELECT 2", 1, 9, "at this place"),
        ("", 1, 1, "at this place"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_where(sql: str, line: int | None, column: int | None, says: str) -> None:
    with pytest.raises(ReportRefused, match=says) as refused:
        run_report(sql)
    assert (refused.value.details.get("line"), refused.value.details.get("column")) == (line, column)


@pytest.mark.parametrize(
    "sql",
    [
        # Out of the parenthesis, and into a second statement.
        "SELECT 1) AS x; SET ROLE {neighbour}; SELECT * FROM (SELECT 1",
        "SELECT 1) AS x; SELECT row_to_json(y)::text FROM (SELECT email FROM {neighbour}.ab_user) AS y; --",
        "SELECT 1) AS x; UPDATE account SET name = 'mine'; SELECT * FROM (SELECT 1",
        "SELECT 1) AS x; SET statement_timeout = 0; SELECT * FROM (SELECT 1",
        "SELECT 1) AS x; COMMIT; SELECT * FROM (SELECT 1",
        "SELECT 1) AS x; RESET ROLE; SELECT * FROM (SELECT 1",
        "SELECT 1) AS x; DROP TABLE account; --",
        "SELECT 1) AS x; CREATE TABLE mine (id int); --",
        "SELECT 1) AS x; DO $$ BEGIN END $$; --",
        "SELECT 1) AS x; COPY account TO PROGRAM 'id'; --",
        "SELECT 1) AS x INTO mine FROM (SELECT 1",
        "SELECT 1) AS x FOR UPDATE; --",
        # The neighbour's rows, and those of the registry.
        "SELECT * FROM {neighbour}.ab_user",
        "SELECT 1) AS x UNION ALL SELECT email FROM {neighbour}.ab_user; --",
        "TABLE {neighbour}.ab_user",
        "SELECT * FROM trilend.tenant",
        # What is sealed or secret in the company's own tables.
        "SELECT password FROM ab_user",
        "SELECT * FROM ab_user",
        "SELECT u FROM ab_user AS u",
        "SELECT to_jsonb(u) FROM ab_user AS u",
        "SELECT identifier FROM party",
        "SELECT identifier_index FROM party",
        "SELECT * FROM party",
        "SELECT * FROM api_client",
        "SELECT * FROM api_token",
        "SELECT * FROM connection",
        "SELECT * FROM signatory",
        "SELECT * FROM job",
        "SELECT * FROM audit_entry",
        "SELECT * FROM schema_version",
        # Changes.
        "WITH gone AS (DELETE FROM account RETURNING *) SELECT * FROM gone",
        "WITH new AS (INSERT INTO account VALUES ('x', 'x', 'asset') RETURNING *) SELECT * FROM new",
        "DELETE FROM account RETURNING code",
        "UPDATE account SET name = 'x' RETURNING code",
        "INSERT INTO account VALUES ('x', 'x', 'asset') RETURNING code",
        "SELECT nextval('loan_number')",
        "SELECT setval('loan_number', 1)",
        "SELECT nextval('ab_user_id_seq')",
        "SELECT code FROM account FOR UPDATE",
        # Role, settings, server.
        "SELECT set_config('role', '{neighbour}', false)",
        "SELECT set_config('search_path', '{neighbour}', false)",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "SELECT query_to_xml('SELECT 1', true, false, '')",
        "SELECT ts_stat('SELECT 1')",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_sleep(10)",
        "SELECT pg_terminate_backend(1)",
        "SELECT lo_import('/etc/passwd')",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_notify('x', 'y')",
        "SELECT * FROM pg_class",
        "SELECT * FROM pg_stat_activity",
        "SELECT * FROM information_schema.tables",
        "SELECT run_report('SELECT 1', '{}', 1)",
        "SET ROLE {neighbour}",
        "RESET ALL",
        "EXPLAIN SELECT 1",
        "COPY account TO STDOUT",
        "SHOW ALL",
        "$$ SELECT 1 $$",
        "SELECT 1 $x$ ) AS x; SET ROLE {neighbour}; -- $x$",
        "SELECT 1 /*",
        "SELECT 1 --) AS x; \n ) AS x; SET ROLE {neighbour} --",
        "SELECT '",
        'SELECT "',
        "SELECT E'\\",
        "SELECT $2",
    ],
)
def test_no_attack_gets_through_the_gate(scene: Scene, sql: str) -> None:
    with pytest.raises(ReportRefused) as refused:
        run_report(sql.replace("{neighbour}", scene.neighbour.schema))
    assert CANARY not in str(refused.value)
    assert scene.neighbour.schema not in str(refused.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT current_user::text = '{own}_reports' AND session_user::text LIKE 'trilend_cell_%' AS held",
        "SELECT current_setting('transaction_read_only') = 'on' AS held",
        "SELECT current_setting('search_path') = '{own}, pg_temp' AS held",
    ],
)
def test_inside_the_gate_role_path_and_read_only_hold(scene: Scene, sql: str) -> None:
    assert run_report(sql.replace("{own}", scene.attacker.schema)).rows == [{"held": True}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM generate_series(1, 100000000000) AS n",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
        "SELECT count(*) FROM account a, account b, account c, account d, account e, account f, account g, account h",
        "SELECT count(*) FROM generate_series(1, 1000000000) AS n WHERE n::text ~ '(.*)(.*)\\1x'",
    ],
)
def test_a_query_without_end_is_stopped(sql: str) -> None:
    with pytest.raises(TookTooLong):
        run_report(sql, seconds=1)


def test_a_very_wide_result_ends_too() -> None:
    report = run_report("SELECT repeat('x', 10000000) AS wide FROM generate_series(1, 100) AS n")
    assert len(report.rows) == 3


def test_the_reports_role_cannot_be_taken(scene: Scene) -> None:
    members = scene.superuser.execute(
        "SELECT member::regrole::text FROM pg_auth_members WHERE roleid = %s::regrole",
        (f"{scene.attacker.schema}_reports",),
    ).fetchall()
    assert {name for (name,) in members} == {"trilend_owner"}
