"""What lines of the log are about, and the pages of those things."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for

from trilend.kinds import SubjectPage, kinds
from trilend.tenancy.context import current_tenant

_SHARED: Mapping[str, SubjectPage | None] = {
    "party": SubjectPage("PartiesView.detail", "party_id"),
    "person": SubjectPage("UsersView.show", "pk"),
    "role": SubjectPage("RolesView.show", "pk"),
    "department": SubjectPage("OrganizationView.department", "department_id"),
    "stored_object": SubjectPage("KeptFilesView.detail", "file_id"),
    "connection": None,
    "plugin": None,
    "parameter": None,
    "api_client": None,
    "statement_entry": None,
    "audit_log": None,
}


def subject_types() -> Sequence[str]:
    """What lines of the bound tenant can be about."""
    return [*_SHARED, *kinds()[current_tenant().kind].subjects]


def subject_url(subject_type: str, subject_id: int) -> str:
    """The page of a subject, or an empty text if it has none of its own."""
    found = ({**_SHARED, **kinds()[current_tenant().kind].subjects}).get(subject_type)
    arguments: dict[str, Any] = {found.argument: subject_id} if found else {}
    return url_for(found.endpoint, **arguments) if found else ""
