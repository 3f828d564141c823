"""What scopes are called on pages."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from trilend.organization.models import DataScope

_SCOPES: dict[DataScope, LazyString] = {
    DataScope.OWN: _l("Own customers"),
    DataScope.TEAM: _l("Own department"),
    DataScope.SUBTREE: _l("Own department and those below"),
    DataScope.ALL: _l("Whole company"),
}


def scope_label(scope: DataScope) -> LazyString:
    """How far a role sees, in words."""
    return _SCOPES[scope]
