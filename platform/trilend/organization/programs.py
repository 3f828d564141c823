"""Holds a program of the API to a part of the company."""

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from trilend.audit.service import Actor, record
from trilend.errors import NotFound
from trilend.identity.models import ApiClient
from trilend.organization.departments import department, department_name
from trilend.organization.models import Department, ProgramDepartment


def hold_program(session: Session, actor: Actor, client_id: int, department_id: int | None) -> None:
    """From its next call on a program sees what a department and those below it hold; without one, everything."""
    client = session.get(ApiClient, client_id)
    if client is None:
        raise NotFound(_l("This program does not exist."), id=client_id)
    held = session.get(ProgramDepartment, client_id)
    former = department_name(session.get_one(Department, held.department_id)) if held else ""
    if department_id is None:
        wanted = ""
        if held is not None:
            session.delete(held)
    else:
        wanted = department_name(department(session, department_id))
        if held is None:
            session.add(ProgramDepartment(client_id=client_id, department_id=department_id))
        else:
            held.department_id = department_id
    if former != wanted:
        changes = {"department": [former, wanted]}
        record(session, actor, "api_client.held", "api_client", client_id, changes=changes, name=client.name)
