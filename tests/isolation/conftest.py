"""An attacker, a victim behind the same login and one behind another, and what must not have changed afterwards."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from trilend.tenancy.context import bound, tenant_session
from trilend.tenancy.servers import cell_login

CANARY = "canary@victim.example"


@dataclass(frozen=True)
class Scene:
    """Who attacks whom. `neighbour` shares the attacker's cell, `stranger` does not; both hold a canary."""

    attacker: Any
    neighbour: Any
    stranger: Any
    superuser: "psycopg.Connection[tuple[Any, ...]]"

    def names(self, victim: Any) -> dict[str, str]:
        """What stands for the names in the texts of attacks."""
        return {"victim": victim.schema, "own": self.attacker.schema, "cell": cell_login(self.attacker.cell)}

    def state(self) -> tuple[Any, ...]:
        """Roles, memberships, settings, catalog of the schemas, and the victims' rows: all in one answer."""
        rows = " UNION ALL ".join(
            f"SELECT row_to_json(u)::text FROM {tenant.schema}.ab_user AS u"
            for tenant in (self.attacker, self.neighbour, self.stranger)
        )
        return (
            self.superuser.execute(
                _STATE.format(rows=rows),
                {"schemas": [self.attacker.schema, self.neighbour.schema, self.stranger.schema]},
            ).fetchone()
            or ()
        )


_STATE = """
SELECT
  (SELECT md5(string_agg(m::text, '|' ORDER BY m.oid)) FROM pg_auth_members AS m
     JOIN pg_roles AS held ON held.oid = m.roleid JOIN pg_roles AS holder ON holder.oid = m.member
     WHERE held.rolname = ANY(%(schemas)s) OR holder.rolname = ANY(%(schemas)s) OR NOT starts_with(held.rolname, 't_')),
  (SELECT md5(string_agg(concat(to_jsonb(a) - 'rolpassword'), '|' ORDER BY a.oid)) FROM pg_authid AS a
     WHERE rolname ~ 'trilend|postgres' OR rolname = ANY(%(schemas)s)),
  (SELECT md5(string_agg(s::text, '|' ORDER BY s.setdatabase, s.setrole)) FROM pg_db_role_setting AS s),
  (SELECT md5(string_agg(concat(oid, relname, relowner, relacl, relkind, relhastriggers), '|' ORDER BY oid))
     FROM pg_class WHERE relnamespace = ANY(SELECT to_regnamespace(s) FROM unnest(%(schemas)s) AS s)),
  (SELECT md5(string_agg(concat(oid, proname, proowner, proacl, prosecdef, proconfig), '|' ORDER BY oid)) FROM pg_proc),
  (SELECT md5(string_agg(concat(oid, nspname, nspowner, nspacl), '|' ORDER BY oid)) FROM pg_namespace
     WHERE nspname = ANY(%(schemas)s) OR nspname LIKE 'pg%%'),
  (SELECT md5(string_agg(concat(tgrelid, tgname, tgenabled), '|' ORDER BY oid)) FROM pg_trigger WHERE NOT tgisinternal),
  (SELECT md5(string_agg(concat(evtname, evtenabled), '|')) FROM pg_event_trigger),
  (SELECT count(*) FROM pg_largeobject_metadata), (SELECT count(*) FROM pg_extension),
  (SELECT count(*) FROM pg_replication_slots), (SELECT count(*) FROM pg_prepared_xacts),
  (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
  (SELECT md5(string_agg(r, '|' ORDER BY r)) FROM ({rows}) AS u (r))
"""


@pytest.fixture(scope="module")
def scene(new_tenant: Callable[..., Any], installation: Any) -> Iterator[Scene]:
    """Made once for all attacks of a module."""
    attacker = new_tenant(name="攻击者小额贷款有限公司")
    others = []
    while not any(other.cell == attacker.cell for other in others):
        others.append(new_tenant(name="受害者小额贷款有限公司"))
    neighbour = others[-1]
    stranger = next(other for other in others if other.cell != attacker.cell)
    for victim in (neighbour, stranger):
        with bound(victim):
            tenant_session.execute(text("UPDATE ab_user SET email = :canary").bindparams(canary=CANARY))
            tenant_session.commit()
    with psycopg.connect(installation.database.superuser_url, autocommit=True) as superuser:
        yield Scene(attacker, neighbour, stranger, superuser)
