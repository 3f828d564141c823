"""Looks at a company from inside of an installation whose settings are in the environment, and prints what it sees."""

import json
import re
import sys

from sqlalchemy import func, select, text
from werkzeug.test import Client

from trilend.app import create_application
from trilend.audit.models import AuditEntry
from trilend.jobs.models import Job
from trilend.parties.service import find_party
from trilend.storage.objects import find, read
from trilend.tenancy.context import bound, tenant_session
from trilend.tenancy.service import tenant_by_slug
from trilend.wiring import load


def main(slug: str, identifier: str, object_key: str) -> None:
    """Sign in with the old password, find the customer by the blind index, read the document, and add one more line."""
    load()
    base = f"http://{slug}.localhost:8000"
    client = Client(create_application())
    page = client.get("/login/", base_url=base).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    entered = {"csrf_token": token[1], "username": "admin", "password": "correct horse battery"}
    client.post("/login/", data=entered, base_url=base)
    with bound(tenant_by_slug(slug)):
        session = tenant_session()
        party = find_party(session, identifier)
        newest = session.scalar(select(func.max(AuditEntry.id)))
        session.execute(
            text(
                "INSERT INTO audit_entry (actor, act, subject_type, subject_id, reason, details) "
                "VALUES ('x', 'x', 'x', 1, '', '{}')"
            )
        )
        seen = {
            "customers": client.get("/customers/", base_url=base).status_code,
            "name": party.name if party else None,
            "identifier": party.identifier if party else None,
            "document": len(read(find(session, object_key))),
            "next_number": session.scalar(select(func.max(AuditEntry.id))) - newest,
            "jobs": dict(session.execute(select(Job.name, Job.state)).tuples().all()),
        }
        session.rollback()
    sys.stdout.write(json.dumps(seen, ensure_ascii=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
