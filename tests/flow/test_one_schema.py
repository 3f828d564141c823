"""No statement and no key crosses schemas, so that a tenant's schema can lie on any server (Citus, or one of our own)."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from tests import one_schema
from tests.flow.lending import Lender, active_loan, import_sample, repay

import trilend.wiring
from trilend.db.base import REGISTRY_SCHEMA, RegistryBase, TenantBase
from trilend_microfinance.servicing.models import LoanStage
from trilend_microfinance.servicing.service import loan


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("SELECT 1 FROM ab_user AS u JOIN ab_role AS r ON r.id = u.id WHERE u.id = %(id)s::BIGINT", set()),
        ("SELECT * FROM t_other.ab_user", {"t_other"}),
        ('INSERT INTO "t_other".ab_role (id) SELECT id FROM ab_role', {"t_other"}),
        ("UPDATE loan SET state = (SELECT max(x) FROM t_other.loan) RETURNING id", {"t_other"}),
        ("WITH a AS (DELETE FROM t_other.loan RETURNING *) SELECT * FROM a", {"t_other"}),
        ("SELECT t_other.some_function(1)", {"t_other"}),
        ("RELEASE SAVEPOINT sa_savepoint_1", set()),
        ("SAVEPOINT sa_savepoint_1", set()),
        ("ROLLBACK TO SAVEPOINT sa_savepoint_1", set()),
    ],
)
def test_the_watch_sees_every_schema_that_is_named(statement: str, named: set[str]) -> None:
    assert one_schema.schemas_in(statement) == named


def test_the_watch_stops_a_statement_that_names_a_schema(session: Session, tenant: Any) -> None:
    with pytest.raises(one_schema.CrossesSchemas):
        session.execute(text(f"SELECT 1 FROM {tenant.schema}.ab_user"))


def test_no_statement_of_a_loans_life_names_a_schema(session: Session, lender: Lender) -> None:
    one_schema.seen.clear()
    import_sample(session, lender)
    loan_id = active_loan(session, lender)
    repay(session, lender, loan_id, "1000.00")
    assert loan(session, loan_id).state == LoanStage.ACTIVE
    assert len(one_schema.seen) >= 60, "the watch saw too little to prove anything"


def test_no_key_points_out_of_its_schema() -> None:
    trilend.wiring.load()
    for table in TenantBase.metadata.tables.values():
        assert table.schema is None, table.name
        assert all(key.column.table.schema is None for key in table.foreign_keys), table.name
        assert all(key.column.table.metadata is TenantBase.metadata for key in table.foreign_keys), table.name
    for table in RegistryBase.metadata.tables.values():
        assert table.schema == REGISTRY_SCHEMA
        assert all(key.column.table.schema == REGISTRY_SCHEMA for key in table.foreign_keys), table.name
