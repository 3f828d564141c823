"""How personal numbers are shown: in full to roles that need them for their work, else with their middle hidden."""

from flask import g, has_request_context

from trilend.identity.access import holds
from trilend.parties.identifiers import masked

_RIGHTS = {"mobile": "can_see_mobile", "account_number": "can_see_account"}
_HEADS = {"account_number": 4}
BY_ROLE = tuple(_RIGHTS)
"""The fields that a role may see in full. The identifier is none of them: it is revealed one by one, with a reason."""


def shows_in_full(field: str) -> bool:
    """Whether the person behind the request sees this field without revealing it; programs never do."""
    right = _RIGHTS.get(field)
    return right is not None and has_request_context() and g.get("api_client") is None and holds(right, "Parties")


def shown(field: str, value: str) -> str:
    """A personal number as the person behind the request may see it; outside of pages it is always masked."""
    return value if shows_in_full(field) else masked(value, head=_HEADS.get(field, 3))
