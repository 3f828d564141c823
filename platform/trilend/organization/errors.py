"""What can be wrong with a change of the organization."""

from typing import Any

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, Refused


class DepartmentRefused(Refused):
    """A change of the tree that makes no sense; the sentence says what to do instead."""

    code = "department_refused"


class DepartmentNameTaken(Invalid):
    """Two open departments side by side may not have one name."""

    code = "department_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(_l("There is a department “%(name)s” here already.", name=name), field="name")


class PersonRefused(Refused):
    """Somebody cannot leave, come back, or take over work as things stand."""

    code = "person_refused"


class ScopeRefused(Refused):
    """A role cannot be given this scope."""

    code = "scope_refused"

    def __init__(self, message: Any) -> None:
        super().__init__(message)
