"""What the registry keeps of plans and of calls."""

from datetime import date

from sqlalchemy import DDL, ForeignKey, String, event
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import REGISTRY_SCHEMA, Created, RegistryBase

FIRST_PLANS = f"""
INSERT INTO {REGISTRY_SCHEMA}.plan (name, label, people, storage_bytes, calls_per_day, calls_per_month) VALUES
    ('trial', '试用', 10, 1073741824, 2000, 20000),
    ('standard', '标准', 50, 53687091200, 20000, 400000),
    ('large', '大型', NULL, 536870912000, 200000, 4000000)
ON CONFLICT DO NOTHING
"""


class Plan(Created, RegistryBase):
    """What a tenant may use; an empty figure means no limit. `label` is what operators call it.

    `statement_seconds` is how long a statement of a request may take; empty means the installation's own limit.
    """

    __tablename__ = "plan"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    label: Mapped[str] = mapped_column(String(100))
    people: Mapped[int | None]
    storage_bytes: Mapped[int | None]
    calls_per_day: Mapped[int | None]
    calls_per_month: Mapped[int | None]
    statement_seconds: Mapped[int | None]


class CallCount(RegistryBase):
    """How many calls of the API a tenant made on a day in China; processes add to it in batches."""

    __tablename__ = "call_count"

    tenant_id: Mapped[str] = mapped_column(ForeignKey(f"{REGISTRY_SCHEMA}.tenant.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(default=0)


event.listen(Plan.__table__, "after_create", DDL(FIRST_PLANS.strip()))  # type: ignore[no-untyped-call]
