"""Ends what a person holds to come in by: areas that hand such things out say here how they take them back."""

from collections.abc import Callable

from sqlalchemy.orm import Session

Ending = Callable[[Session, int], None]

_endings: list[Ending] = []


def ends_access(ending: Ending) -> Ending:
    """Declare a function of a session and a user's id that ends sessions or tokens of that person; it does not commit."""
    _endings.append(ending)
    return ending


def end_access(session: Session, user_id: int) -> None:
    """End all that a person holds. A cookie alone is worth nothing once the person may not sign in."""
    for ending in _endings:
        ending(session, user_id)
