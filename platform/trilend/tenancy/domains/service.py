"""Claims, proves, watches and gives up domains; the registry's unique index decides who has one."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trilend.db.base import now
from trilend.tenancy.domains.errors import DomainClaimed, DomainNotProved, TooManyDomains, UnknownDomain
from trilend.tenancy.domains.models import Domain, DomainState, Method
from trilend.tenancy.domains.names import check_host
from trilend.tenancy.domains.proof import GONE, Proof, look_up
from trilend.tenancy.lifecycle.service import PLATFORM, log_event
from trilend.tenancy.models import Tenant

MOST = 10
MISSES_UNTIL_LOST = 3
_CLAIM_DAYS = 14
_WATCH, _WATCH_MISSING = timedelta(hours=12), timedelta(hours=4)
_TAKEN = "taken"


def claim_domain(session: Session, tenant_id: str, entered: str, method: Method = Method.RECORD) -> Domain:
    """Put a name on a tenant's list, to be proved; raises `InvalidDomain`, `DomainClaimed`, `TooManyDomains`."""
    host = check_host(entered)
    if len(domains_of(session, tenant_id)) >= MOST:
        raise TooManyDomains(MOST)
    domain = Domain(tenant_id=tenant_id, host=host, token=secrets.token_hex(20), method=method, next_check_at=now())
    try:
        with session.begin_nested():
            session.add(domain)
    except IntegrityError as error:
        raise DomainClaimed from error
    return domain


def domains_of(session: Session, tenant_id: str) -> Sequence[Domain]:
    """A tenant's list, by name."""
    return session.scalars(select(Domain).where(Domain.tenant_id == tenant_id).order_by(Domain.host)).all()


def prove_by(session: Session, tenant_id: str, domain_id: int, method: Method) -> None:
    """Have a claim proved in another way from now on; what is proved stays so. Raises `UnknownDomain`."""
    domain = domain_of(session, tenant_id, domain_id)
    domain.method, domain.note = method, ""


def published_at(session: Session, tenant_id: str, host: str) -> str | None:
    """The token that the platform itself hands out at a domain that leads here: that of whoever has it proved."""
    proved = (Domain.tenant_id == tenant_id, Domain.host == host, Domain.state == DomainState.VERIFIED)
    return session.scalar(select(Domain.token).where(*proved))


def check_domain(session: Session, tenant_id: str, domain_id: int) -> Domain:
    """Look for the proof now and settle what that means; commits. Raises `UnknownDomain`.

    No transaction is open while the DNS or the host is asked. Another tenant that has the name proved keeps it as long as its own
    proof is there: whoever took the name over has only to remove the old proof.
    """
    domain = domain_of(session, tenant_id, domain_id)
    host, token, method = domain.host, domain.token, domain.method
    holder = session.scalar(
        select(Domain).where(Domain.host == host, Domain.state == DomainState.VERIFIED, Domain.tenant_id != tenant_id)
    )
    rival = (holder.id, holder.tenant_id, holder.token, holder.method) if holder else None
    session.rollback()
    proof = look_up(host, token, method)
    if proof is Proof.THERE and rival is not None:
        rival_id, rival_tenant, rival_token, rival_method = rival
        if look_up(host, rival_token, rival_method) in GONE:
            _lose(session, domain_of(session, rival_tenant, rival_id))
            session.commit()
    return _settle(session, tenant_id, domain_id, proof)


def choose_domain(session: Session, tenant_id: str, domain_id: int | None) -> None:
    """Have a tenant's links lead to this domain, or to its subdomain; raises `UnknownDomain`, `DomainNotProved`."""
    host = ""
    if domain_id is not None:
        domain = domain_of(session, tenant_id, domain_id)
        if domain.state != DomainState.VERIFIED:
            raise DomainNotProved
        host = domain.host
    session.execute(update(Tenant).where(Tenant.id == tenant_id).values(host=host))


def give_up_domain(session: Session, tenant_id: str, domain_id: int) -> None:
    """Take a name off a tenant's list; it is not served from then on."""
    domain = domain_of(session, tenant_id, domain_id)
    _fall_back(session, domain)
    session.delete(domain)


def domain_of(session: Session, tenant_id: str, domain_id: int) -> Domain:
    """One of a tenant's own domains; raises `UnknownDomain`."""
    domain = session.scalar(select(Domain).where(Domain.id == domain_id, Domain.tenant_id == tenant_id))
    if domain is None:
        raise UnknownDomain
    return domain


def domains_due(session: Session, *, limit: int = 200) -> Sequence[tuple[str, int]]:
    """Tenant and id of the domains that are to be looked at now, the longest waiting first."""
    rows = session.execute(
        select(Domain.tenant_id, Domain.id)
        .where(Domain.next_check_at <= func.now())
        .order_by(Domain.next_check_at)
        .limit(limit)
    )
    return [(row.tenant_id, row.id) for row in rows]


def _settle(session: Session, tenant_id: str, domain_id: int, proof: Proof) -> Domain:
    domain = session.scalar(
        select(Domain).where(Domain.id == domain_id, Domain.tenant_id == tenant_id).with_for_update()
    )
    if domain is None:
        raise UnknownDomain
    domain.checked_at, domain.note = now(), proof.value
    if proof is Proof.THERE:
        _win(session, domain)
    elif proof is not Proof.NO_ANSWER:
        domain.missed += 1
        _miss(session, domain)
    domain.next_check_at = _next_check(domain)
    session.commit()
    return domain


def _win(session: Session, domain: Domain) -> None:
    domain.missed = 0
    if domain.state == DomainState.VERIFIED:
        return
    before = domain.state
    try:
        with session.begin_nested():
            domain.state, domain.verified_at = DomainState.VERIFIED, now()
            session.flush()
    except IntegrityError:
        session.refresh(domain)
        domain.state, domain.note, domain.checked_at = before, _TAKEN, now()
        return
    log_event(session, domain.tenant_id, "domain_verified", PLATFORM, host=domain.host)


def _miss(session: Session, domain: Domain) -> None:
    if domain.state == DomainState.VERIFIED and domain.missed >= MISSES_UNTIL_LOST:
        _lose(session, domain)
    elif domain.state == DomainState.PENDING and now() > domain.created_at + timedelta(days=_CLAIM_DAYS):
        domain.state = DomainState.FAILED


def _lose(session: Session, domain: Domain) -> None:
    domain.state = DomainState.LOST
    _fall_back(session, domain)
    log_event(session, domain.tenant_id, "domain_lost", PLATFORM, host=domain.host)
    session.flush()


def _fall_back(session: Session, domain: Domain) -> None:
    session.execute(update(Tenant).where(Tenant.id == domain.tenant_id, Tenant.host == domain.host).values(host=""))


def _next_check(domain: Domain) -> datetime:
    """Soon after a claim, then ever rarer; what is proved is looked at twice a day, more often when it seems lost."""
    if domain.state == DomainState.VERIFIED:
        return now() + (_WATCH_MISSING if domain.missed else _WATCH)
    if domain.state == DomainState.PENDING:
        age = now() - domain.created_at
        return now() + max(timedelta(minutes=2), min(timedelta(hours=6), age / 4))
    # Failed and lost ones are looked at only when somebody asks.
    return now() + timedelta(days=3650)
