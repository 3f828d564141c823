"""Every revision leaves the release before it able to serve; what does not is named, with what to do instead."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.releases.rules import CONTRACTING, NEVER, breaches

from trilend.kinds import kinds
from trilend.tenancy.migration.steps import PLATFORM, Step, branch, branches

# For each rule the statement that breaks it.
BAD = {
    "ban-drop-column": "ALTER TABLE loan DROP COLUMN purpose",
    "ban-drop-table": "DROP TABLE loan",
    "ban-drop-constraint": "ALTER TABLE loan DROP CONSTRAINT loan_party",
    "ban-drop-default": "ALTER TABLE loan ALTER COLUMN state DROP DEFAULT",
    "ban-drop-not-null": "ALTER TABLE loan ALTER COLUMN state DROP NOT NULL",
    "ban-drop-view": "DROP VIEW arrears",
    "ban-drop-function": "DROP FUNCTION refuse_change()",
    "ban-drop-sequence": "DROP SEQUENCE loan_number",
    "ban-drop-type": "DROP TYPE grade",
    "ban-revoke": "REVOKE UPDATE ON loan FROM trilend_blueprint_role",
    "ban-disable-trigger": "ALTER TABLE loan DISABLE TRIGGER append_only",
    "ban-set-schema": "ALTER TABLE loan SET SCHEMA elsewhere",
    "ban-truncate-cascade": "TRUNCATE loan CASCADE",
    "renaming-column": "ALTER TABLE loan RENAME COLUMN purpose TO use",
    "renaming-table": "ALTER TABLE loan RENAME TO credit",
    "changing-column-type": "ALTER TABLE loan ALTER COLUMN amount TYPE numeric(20, 4)",
    "adding-required-field": "ALTER TABLE loan ADD COLUMN purpose text NOT NULL",
    "adding-field-with-default": "ALTER TABLE loan ADD COLUMN token uuid DEFAULT gen_random_uuid()",
    "adding-not-nullable-field": "ALTER TABLE loan ALTER COLUMN purpose SET NOT NULL",
    "constraint-missing-not-valid": "ALTER TABLE loan ADD CONSTRAINT positive CHECK (amount > 0)",
    "adding-foreign-key-constraint": "ALTER TABLE loan ADD CONSTRAINT p FOREIGN KEY (party_id) REFERENCES party (id)",
    "ban-concurrent-index-creation-in-transaction": "CREATE INDEX CONCURRENTLY loan_state ON loan (state)",
    "ban-drop-database": "DROP DATABASE trilend",
    "ban-drop-schema": "DROP SCHEMA elsewhere",
    "transaction-nesting": "COMMIT",
    "syntax-error": "ALTER TABEL loan ADD COLUMN note text",
}
GOOD = [
    "ALTER TABLE loan ADD COLUMN note text",
    "ALTER TABLE loan ADD COLUMN grade varchar(8) DEFAULT 'none' NOT NULL",
    "ALTER TABLE loan ADD COLUMN entered_at timestamptz DEFAULT now() NOT NULL",
    "ALTER TABLE loan ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID",
    "ALTER TABLE loan VALIDATE CONSTRAINT positive",
    "ALTER TABLE loan ADD CONSTRAINT p FOREIGN KEY (party_id) REFERENCES party (id) NOT VALID",
    "CREATE INDEX loan_state ON loan (state)",
    "CREATE TABLE pledge (id bigint PRIMARY KEY, loan_id bigint NOT NULL REFERENCES loan (id), UNIQUE (loan_id))",
    "GRANT SELECT, INSERT ON pledge TO trilend_blueprint_role",
]


def a_step(sql: str, since: str = "", **excused: str) -> Step:
    reasons = {name.replace("_", "-"): reason for name, reason in excused.items()}
    return Step("broker", "0009", "0008", "a step", f"{sql};", contracts_since=since, excused=reasons)


def every_step() -> Iterator[tuple[str, Step]]:
    for name in branches():
        for step in branch(name):
            yield f"{name} {step.revision}", step


def test_every_revision_leaves_the_release_before_able_to_serve(installation: object) -> None:
    steps = dict(every_step())
    assert {name.partition(" ")[0] for name in steps} >= {"registry", "platform", *kinds()}
    assert {name: list(breaches(step)) for name, step in steps.items() if breaches(step)} == {}


@pytest.mark.parametrize("rule", sorted({*CONTRACTING, *NEVER}))
def test_a_revision_that_breaks_a_rule_is_told_what_to_do_instead(rule: str) -> None:
    found = {breach.rule: breach for breach in breaches(a_step(f"ALTER TABLE loan ADD COLUMN fine text;\n{BAD[rule]}"))}

    assert found[rule].statement == BAD[rule]
    assert found[rule].instead == (NEVER | CONTRACTING)[rule]


@pytest.mark.parametrize("statement", GOOD)
def test_what_the_release_before_does_not_notice_is_let_through(statement: str) -> None:
    assert list(breaches(a_step(statement))) == []


@pytest.mark.parametrize("rule", sorted(CONTRACTING))
def test_a_revision_may_contract_what_a_kept_release_was_the_first_to_do_without(rule: str) -> None:
    assert list(breaches(a_step(BAD[rule], since="1"))) == []


def test_a_release_that_is_not_kept_proves_nothing() -> None:
    found = [breach.rule for breach in breaches(a_step(BAD["ban-drop-column"], since="77"))]
    assert found == ["ban-drop-column", "unknown-release"]


def test_contracting_excuses_nothing_that_has_a_way_unnoticed() -> None:
    assert [breach.rule for breach in breaches(a_step(BAD["renaming-column"], since="1"))] == ["renaming-column"]


def test_an_excuse_is_for_one_rule_and_has_a_reason() -> None:
    sql = f"{BAD['ban-drop-column']};\n{BAD['renaming-table']}"
    assert [breach.rule for breach in breaches(a_step(sql, renaming_table="nobody serves yet"))] == ["ban-drop-column"]
    assert all(reason for _, step in every_step() for reason in step.excused.values())


def test_steps_are_rendered_by_whoever_asks_first_however_many_do_at_once() -> None:
    usual = branch(PLATFORM)
    for _ in range(3):
        branch.cache_clear()
        together = threading.Barrier(8)

        def ask(together: threading.Barrier = together) -> Sequence[Step]:
            together.wait()
            return branch(PLATFORM)

        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(ask) for _ in range(8)]
        assert all(each.result() == usual for each in asked)
