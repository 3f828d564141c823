"""The company's provider as its administrator sets it; the secret goes in and never comes out."""

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from trilend.access.errors import NoWayBack, ProviderFailed
from trilend.access.models import Provider
from trilend.access.oidc.fetching import is_allowed_url
from trilend.access.oidc.protocol import discover
from trilend.access.rules import rules_of
from trilend.audit.changes import changed, snapshot
from trilend.audit.service import Actor, record

_ONLY = 1
_FIELDS = (
    "label",
    "issuer",
    "client_id",
    "scopes",
    "username_claim",
    "name_claim",
    "email_claim",
    "groups_claim",
    "group_roles",
    "makes_accounts",
    "active",
)


@dataclass(frozen=True)
class WantedProvider:
    """A provider as entered; an empty secret keeps the one there is."""

    label: str
    issuer: str
    client_id: str
    client_secret: str
    scopes: str
    username_claim: str
    name_claim: str
    email_claim: str
    groups_claim: str
    group_roles: dict[str, list[str]]
    makes_accounts: bool
    active: bool


def provider_of(session: Session) -> Provider | None:
    """The company's provider, in use or not."""
    return session.get(Provider, _ONLY)


def provider_in_use(session: Session) -> Provider | None:
    """The company's provider if people may sign in through it."""
    provider = session.get(Provider, _ONLY)
    return provider if provider is not None and provider.active else None


def set_provider(session: Session, actor: Actor, wanted: WantedProvider) -> Provider:
    """Keep a provider after asking it who it is; raises `ProviderFailed`, and `NoWayBack` where it is the only way in.

    Another issuer or client has to prove itself anew before passwords may be switched off.
    """
    provider = provider_of(session)
    moved = provider is None or (provider.issuer, provider.client_id) != (wanted.issuer, wanted.client_id)
    if provider is not None and (moved or not wanted.active) and not rules_of(session).passwords_allowed:
        raise NoWayBack(_l("Passwords are switched off. Allow them again before you change or stop this service."))
    if wanted.active:
        if not is_allowed_url(wanted.issuer):
            raise ProviderFailed(_l("its addresses are incomplete or not HTTPS"))
        discover(wanted.issuer)
    before = snapshot(provider, *_FIELDS) if provider else None
    if provider is None:
        provider = Provider(id=_ONLY, client_secret="")
        session.add(provider)
    for field in _FIELDS:
        setattr(provider, field, getattr(wanted, field))
    renewed = bool(wanted.client_secret)
    if renewed:
        provider.client_secret = wanted.client_secret
    if moved:
        provider.proved_at = None
    session.flush()
    changes = changed(before, snapshot(provider, *_FIELDS))
    record(
        session, actor, "sign_in_provider.changed", "sign_in_provider", _ONLY, changes=changes, secret_renewed=renewed
    )
    return provider
