"""Links to a stored file: each is good for one tenant, one file, one purpose and a limited time."""

import hmac
from datetime import datetime
from hashlib import sha256

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.db.base import now
from trilend.storage.errors import LinkRefused, ObjectMissing
from trilend.storage.models import StoredObject
from trilend.storage.objects import find
from trilend.tenancy.context import current_tenant


def link_token(stored: StoredObject, purpose: str, expires_at: datetime) -> str:
    """A token by which whoever holds it may read a file for one purpose until an instant, in the bound tenant only."""
    return str(_serializer(purpose).dumps([stored.key, int(expires_at.timestamp())]))


def linked_object(session: Session, token: str, purpose: str) -> StoredObject:
    """The file that a token leads to.

    Raises `LinkRefused` for a token that was changed, is over, was made for another purpose or in another tenant, or
    whose file has been deleted; it does not say which.
    """
    try:
        key, expires_at = _serializer(purpose).loads(token)
        if now().timestamp() >= expires_at:
            raise LinkRefused
        return find(session, key)
    except (BadData, ObjectMissing, TypeError, ValueError) as error:
        raise LinkRefused from error


def _serializer(purpose: str) -> URLSafeSerializer:
    secret = settings().secret_key.get_secret_value().encode()
    key = hmac.new(secret, f"file-link:{current_tenant().id}:{purpose}".encode(), sha256).digest()
    return URLSafeSerializer(key, salt="file-link", signer_kwargs={"digest_method": sha256, "key_derivation": "hmac"})
