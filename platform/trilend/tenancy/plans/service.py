"""Looks plans up, measures what a tenant uses of its own, and refuses what a plan does not allow."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trilend.tenancy.context import RegistrySession, current_tenant
from trilend.tenancy.lifecycle.service import By, locked_tenant, log_event
from trilend.tenancy.models import Tenant
from trilend.tenancy.plans.errors import PeopleUsedUp, StorageUsedUp, UnknownPlan
from trilend.tenancy.plans.models import Plan

WARN_AT = 80
"""Percent of a limit from which on pages warn."""

_CACHE_SECONDS = 30.0
_held: dict[str, tuple[float, "Limits"]] = {}

Measure = Callable[[Session], int]
_measures: list[Measure] = []


@dataclass(frozen=True)
class Limits:
    """A plan's figures; None means no limit, for `statement_seconds` the installation's."""

    name: str
    label: str
    people: int | None
    storage_bytes: int | None
    calls_per_day: int | None
    calls_per_month: int | None
    statement_seconds: int | None

    @classmethod
    def of(cls, plan: Plan) -> "Limits":
        """A frozen copy of a row."""
        return cls(
            plan.name,
            plan.label,
            plan.people,
            plan.storage_bytes,
            plan.calls_per_day,
            plan.calls_per_month,
            plan.statement_seconds,
        )


@dataclass(frozen=True)
class Usage:
    """How much of one limit is used."""

    used: int
    limit: int | None

    @property
    def percent(self) -> int | None:
        """Used of the limit in whole percent, at most 100; None without a limit."""
        if self.limit is None:
            return None
        return min(100, self.used * 100 // self.limit) if self.limit else 100

    @property
    def tone(self) -> str:
        """How a page shows it: `success`, from 80 % on `warning`, used up `danger`."""
        if self.percent is None or self.percent < WARN_AT:
            return "success"
        return "danger" if self.limit is not None and self.used >= self.limit else "warning"


def limits_of(name: str) -> Limits:
    """The figures of a plan, from memory for up to 30 seconds; raises `UnknownPlan`."""
    held = _held.get(name)
    if held and held[0] > time.monotonic():
        return held[1]
    with RegistrySession() as session:
        plan = session.get(Plan, name)
        if plan is None:
            raise UnknownPlan(name)
        found = Limits.of(plan)
    _held[name] = (time.monotonic() + _CACHE_SECONDS, found)
    return found


def statement_seconds_of(plan: str) -> int | None:
    """How long a statement of a request may take by a plan; None where it says nothing, or is not known any more."""
    try:
        return limits_of(plan).statement_seconds
    except UnknownPlan:
        return None


def forget_plans() -> None:
    """Let this process look all plans up anew."""
    _held.clear()


def plans(session: Session) -> Sequence[Plan]:
    """All plans, the smallest first."""
    return session.scalars(select(Plan).order_by(Plan.people.nulls_last(), Plan.name)).all()


def change_plan(session: Session, tenant_id: str, plan: str, by: By, *, reason: str = "") -> Tenant:
    """Give a tenant another plan, and log it; raises `UnknownPlan`, `UnknownTenant`."""
    if session.get(Plan, plan) is None:
        raise UnknownPlan(plan)
    tenant = locked_tenant(session, tenant_id)
    if tenant.plan != plan:
        log_event(session, tenant_id, "plan", by, reason=reason, before=tenant.plan, after=plan)
        tenant.plan = plan
    return tenant


def measure_storage_by(measure: Measure) -> None:
    """Add a function that tells how many bytes of files a tenant keeps in what an area stores."""
    if measure not in _measures:
        _measures.append(measure)


def people_used(session: Session) -> int:
    """How many people of the bound tenant may sign in."""
    return session.scalar(select(func.count()).select_from(User).where(User.active.is_(True))) or 0


def storage_used(session: Session) -> int:
    """How many bytes of files the bound tenant keeps."""
    return sum(measure(session) for measure in _measures)


def check_people(session: Session) -> None:
    """Refuse a further person who may sign in; raises `PeopleUsedUp`. It is a look only: see `take_place`."""
    limits = limits_of(current_tenant().plan)
    if limits.people is not None and people_used(session) >= limits.people:
        raise PeopleUsedUp(limits.label, limits.people)


def take_place(session: Session, person_id: int | None = None) -> None:
    """Have the caller's transaction be the one that lets a further person sign in; raises `PeopleUsedUp`.

    Whoever else wants a place of the bound tenant waits until this transaction ends, and counts anew. `person_id` is
    somebody who is in the table already, and is not counted.
    """
    limits = limits_of(current_tenant().plan)
    if limits.people is None:
        return
    # The first role stands for the list of people: this lock does not keep anybody from giving or reading roles.
    first_role = select(Role.id).order_by(Role.id).limit(1).with_for_update(key_share=True)
    others = select(func.count()).select_from(User).where(User.active.is_(True), User.id.is_distinct_from(person_id))
    # The person may be in the session already, and is not to be counted.
    with session.no_autoflush:
        session.execute(first_role)
        used = session.scalar(others) or 0
    if used >= limits.people:
        raise PeopleUsedUp(limits.label, limits.people)


def check_storage(session: Session, adding: int) -> None:
    """Refuse a file of `adding` bytes that the bound tenant's plan has no room for; raises `StorageUsedUp`."""
    limits = limits_of(current_tenant().plan)
    if limits.storage_bytes is None:
        return
    used = storage_used(session)
    if used + adding > limits.storage_bytes:
        raise StorageUsedUp(limits.label, in_words(limits.storage_bytes), in_words(used))


def in_words(size: int) -> str:
    """A number of bytes as people read it, `1.5 GB`."""
    for unit, bytes_each in (("TB", 2**40), ("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if size >= bytes_each:
            return f"{size / bytes_each:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} B"
