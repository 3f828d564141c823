"""The interface of one kind of tenant: its operations by address, and nothing of any other kind."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from flask import current_app
from werkzeug.routing import Map, Rule

from trilend.api.operations import Operation, Resource
from trilend.identity.scopes import SCOPES
from trilend.tenancy.context import current_tenant

EXTENSION = "trilend_api"
_LARGEST_KEY = 2**63 - 1


class Interface:
    """Operations of some resources; raises `ValueError` where two of them have one name or one address."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = tuple(resources)
        self.operations = {operation.name: operation for operation in self._all()}
        self.jobs: Mapping[str, str] = {name: scope for made in self.resources for name, scope in made.jobs.items()}
        addresses = {(operation.method, operation.path) for operation in self._all()}
        if not len(addresses) == len(self.operations) == len(self._all()):
            raise ValueError("two operations have the same name or address")

    @cached_property
    def scopes(self) -> list[str]:
        """The scopes that its operations ask for, in the order in which people read them."""
        asked = {operation.scope for operation in self.operations.values()}
        return [scope for scope in SCOPES if scope in asked]

    def find(self, path: str, method: str) -> tuple[Operation, Mapping[str, Any]]:
        """The operation at an address, and the numbers in it; raises werkzeug's `NotFound` and `MethodNotAllowed`."""
        name, numbers = self._addresses.bind("").match(path, method)
        return self.operations[name], numbers

    @cached_property
    def _addresses(self) -> Map:
        rules = [_rule(operation) for operation in self.operations.values()]
        return Map(rules, strict_slashes=True, merge_slashes=False)

    def _all(self) -> list[Operation]:
        return [operation for resource in self.resources for operation in resource.operations]


def interface_of_tenant() -> Interface:
    """The interface that the bound tenant has by its kind."""
    interfaces: Mapping[str, Interface] = current_app.extensions[EXTENSION]
    return interfaces[current_tenant().kind]


def _rule(operation: Operation) -> Rule:
    path = operation.path
    for place in operation.places:
        path = path.replace(f"{{{place}}}", f"<int(min=1,max={_LARGEST_KEY}):{place}>")
    return Rule(path, endpoint=operation.name, methods=[operation.method])
