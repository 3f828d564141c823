"""The first rows of a company's organization: its root, how far each default role sees, how much may be revealed."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import insert
from sqlalchemy.sql.dml import Insert

from trilend.identity.seeds import ADMINISTRATOR
from trilend.kinds import Role
from trilend.organization.models import ROOT_PATH, DataScope, Department
from trilend.parameters.models import Parameter

REVEALS = "reveals_per_day"
"""The parameter: how many masked fields one person may reveal on a day."""
_SCOPES = """
INSERT INTO role_scope (role_id, scope)
SELECT role.id, wanted.scope FROM (VALUES {scopes}) AS wanted (name, scope) JOIN ab_role AS role USING (name)
ON CONFLICT (role_id) DO NOTHING"""


def first_rows(roles: Sequence[Role]) -> list[Insert | str]:
    """Statements for the blueprint; they come after the roles."""
    quota = {
        "name": REVEALS,
        "value": Decimal(50),
        "unit": "times",
        "effective_from": date(2025, 1, 1),
        "jurisdiction": "CN",
        "legal_basis": "",
        "verified": False,
    }
    return [
        insert(Department).values([{"name": "", "path": ROOT_PATH}]),
        _scopes(roles),
        insert(Parameter).values([quota]),
    ]


def scope_changes(roles: Sequence[Role]) -> str:
    """A statement that gives a scope to default roles that have none: those which a later release has brought."""
    return f"{_scopes(roles)};\n"


def _scopes(roles: Iterable[Role]) -> str:
    scopes = {ADMINISTRATOR: DataScope.ALL} | {role.name: DataScope(role.scope) for role in roles}
    return _SCOPES.format(scopes=", ".join(f"('{name}', '{scope}')" for name, scope in scopes.items()))
