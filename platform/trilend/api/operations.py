"""What an operation of the interface is: a typed function with a method, a path and the scope that it needs."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_type_hints

from flask_appbuilder.security.sqla.models import User
from sqlalchemy.orm import Session

from trilend.api.fields import Answer, Body, Query
from trilend.audit.service import Actor
from trilend.identity.scopes import SCOPES

Handler = TypeVar("Handler", bound=Callable[..., Answer])
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Program:
    """The program behind a call: `scopes` is what it may do at this moment, `granted` what its token says.

    They differ only where it acts for a `person` who does not hold all the permissions (any more). `created_by` is who
    let it in.
    """

    id: int
    name: str
    scopes: frozenset[str]
    granted: frozenset[str]
    person: User | None = None
    created_by: int | None = None


@dataclass(frozen=True)
class Call:
    """One call: the tenant's session, who acts, and which program asks. The caller commits."""

    session: Session
    actor: Actor
    program: Program


@dataclass(frozen=True)
class Operation:
    """One operation; its models are those of its handler's signature.

    A parameter `query` takes the query string, `body` the JSON body, and a name in the path its number.
    `location` is the address of what a write has made, with fields of the answer in braces.
    """

    method: str
    path: str
    scope: str | None
    summary: Any
    status: int
    location: str
    handler: Callable[..., Answer]
    query: type[Query] | None
    body: type[Body] | None
    answer: type[Answer]

    @property
    def name(self) -> str:
        """The name of the operation, unique within an interface."""
        return self.handler.__name__

    @property
    def places(self) -> list[str]:
        """Names of the numbers in the path."""
        return _PLACE.findall(self.path)

    @property
    def is_write(self) -> bool:
        """Whether the operation may change something."""
        return self.method != "GET"


@dataclass(frozen=True)
class Resource:
    """The operations on one sort of thing; `jobs` are the background jobs they start, each with the scope to see it."""

    name: str
    summary: Any
    jobs: Mapping[str, str] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)

    def get(self, path: str, *, scope: str | None, summary: Any) -> Callable[[Handler], Handler]:
        """Declare the function below as a read."""
        return self._declare("GET", path, scope, summary, 200, "")

    def post(
        self, path: str, *, scope: str | None, summary: Any, status: int = 200, location: str = ""
    ) -> Callable[[Handler], Handler]:
        """Declare the function below as a write."""
        return self._declare("POST", path, scope, summary, status, location)

    def _declare(
        self, method: str, path: str, scope: str | None, summary: Any, status: int, location: str
    ) -> Callable[[Handler], Handler]:
        if scope is not None and scope not in SCOPES:
            raise LookupError(f"{method} {path}: there is no scope {scope}")

        def declare(handler: Handler) -> Handler:
            models = _models_of(handler, path)
            self.operations.append(Operation(method, path, scope, summary, status, location, handler, *models))
            return handler

        return declare


def _models_of(handler: Callable[..., Answer], path: str) -> tuple[Any, Any, Any]:
    hints = get_type_hints(handler, include_extras=True)
    given = set(inspect.signature(handler).parameters) - {"call", "query", "body"}
    if given != set(_PLACE.findall(path)):
        raise TypeError(f"{handler.__name__}: its parameters do not match the path {path}")
    return hints.get("query"), hints.get("body"), hints["return"]
