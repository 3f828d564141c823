"""Passkeys: made, named, taken away, and used alone or as the second factor."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from trilend.access import tickets
from trilend.access.errors import PasskeyRefused
from trilend.access.models import Passkey
from trilend.access.rules import check_still_a_way_back
from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.errors import NotFound
from trilend.tenancy.context import current_tenant

_MAKE, _USE = "passkey-make", "passkey-use"
_MINUTES = 5
_MALFORMED = (WebAuthnException, ValueError, KeyError, TypeError)


@dataclass(frozen=True)
class Site:
    """The address at which a passkey is made or used; nowhere else does it open anything."""

    host: str
    origin: str


def offer_making(session: Session, person: User, site: Site) -> dict[str, Any]:
    """What a browser needs to make a passkey, with a ticket for its answer."""
    options = generate_registration_options(
        rp_id=site.host,
        rp_name=current_tenant().name,
        user_id=f"{current_tenant().id}:{person.id}".encode(),
        user_name=person.username,
        user_display_name=person.first_name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(session, person.id, site),
    )
    return _with_ticket(session, _MAKE, options, options.challenge, person.id)


def make(session: Session, actor: Actor, person: User, site: Site, answer: dict[str, Any], name: str) -> Passkey:
    """Keep the passkey that a browser has made; raises `PasskeyRefused` and `TicketGone`."""
    challenge = _challenge(session, _MAKE, answer, person.id)
    try:
        made = verify_registration_response(
            credential=answer["credential"],
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except _MALFORMED as error:
        raise PasskeyRefused from error
    passkey = Passkey(
        user_id=person.id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        host=site.host,
        name=" ".join(name.split())[:60] or "—",
    )
    session.add(passkey)
    session.flush()
    record(session, actor, "person.passkey_added", "person", person.id, name=passkey.name)
    return passkey


def offer_use(session: Session, site: Site, user_id: int | None = None) -> dict[str, Any]:
    """What a browser needs to use a passkey: of this person, or of whoever sits there."""
    options = generate_authentication_options(
        rp_id=site.host,
        allow_credentials=_descriptors(session, user_id, site) if user_id is not None else None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return _with_ticket(session, _USE, options, options.challenge, user_id)


def use(session: Session, site: Site, answer: dict[str, Any], user_id: int | None = None) -> User:
    """Whose passkey has answered; raises `PasskeyRefused` and `TicketGone`.

    Commit whatever comes of it: the challenge is used up. An answer whose counter went back comes from a copy.
    """
    challenge = _challenge(session, _USE, answer, user_id)
    passkey = _by_credential(session, answer, user_id)
    try:
        verified = verify_authentication_response(
            credential=answer["credential"],
            expected_challenge=challenge,
            expected_rp_id=passkey.host,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except _MALFORMED as error:
        raise PasskeyRefused from error
    person = session.get(User, passkey.user_id)
    if person is None or not person.is_active:
        raise PasskeyRefused
    passkey.sign_count, passkey.last_used_at = verified.new_sign_count, now()
    session.flush()
    return person


def passkeys_of(session: Session, user_id: int) -> Sequence[Passkey]:
    """A person's passkeys, oldest first."""
    return session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)).all()


def rename(session: Session, user_id: int, passkey_id: int, name: str) -> None:
    """Call one of a person's passkeys otherwise; raises `NotFound`."""
    _own(session, user_id, passkey_id).name = " ".join(name.split())[:60] or "—"


def remove(session: Session, actor: Actor, user_id: int, passkey_id: int) -> None:
    """Take a passkey away; raises `NotFound`, and `NoWayBack` for the one who may not lose the last factor."""
    passkey = _own(session, user_id, passkey_id)
    check_still_a_way_back(session, user_id)
    record(session, actor, "person.passkey_removed", "person", user_id, name=passkey.name)
    session.delete(passkey)
    session.flush()


def _own(session: Session, user_id: int, passkey_id: int) -> Passkey:
    passkey = session.get(Passkey, passkey_id)
    if passkey is None or passkey.user_id != user_id:
        raise NotFound(_l("This passkey does not exist."), id=passkey_id)
    return passkey


def _descriptors(session: Session, user_id: int, site: Site) -> list[PublicKeyCredentialDescriptor]:
    ids = session.scalars(select(Passkey.credential_id).where(Passkey.user_id == user_id, Passkey.host == site.host))
    return [PublicKeyCredentialDescriptor(id=each) for each in ids]


def _by_credential(session: Session, answer: dict[str, Any], user_id: int | None) -> Passkey:
    try:
        credential_id = base64url_to_bytes(str(answer["credential"]["rawId"]))
    except _MALFORMED as error:
        raise PasskeyRefused from error
    passkey = session.scalars(select(Passkey).where(Passkey.credential_id == credential_id)).one_or_none()
    if passkey is None or (user_id is not None and passkey.user_id != user_id):
        raise PasskeyRefused
    return passkey


def _with_ticket(session: Session, purpose: str, options: Any, challenge: bytes, user_id: int | None) -> dict[str, Any]:
    ticket = tickets.issue(session, purpose, minutes=_MINUTES, user_id=user_id, challenge=bytes_to_base64url(challenge))
    return {"ticket": ticket, "options": json.loads(options_to_json(options))}


def _challenge(session: Session, purpose: str, answer: dict[str, Any], user_id: int | None) -> bytes:
    ticket = tickets.use(session, purpose, str(answer.get("ticket", "")))
    if ticket.user_id != user_id:
        raise PasskeyRefused
    return base64url_to_bytes(ticket.content["challenge"])
