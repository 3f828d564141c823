"""What a new company has to set up before its first business."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.parameters.models import Parameter
from trilend.parties.models import Party
from trilend.plugin_host.models import Connection, ConnectionState


@dataclass(frozen=True)
class FirstStep:
    """One thing to set up, in words, and whether it is done."""

    name: str
    label: str
    done: bool


def first_steps(session: Session) -> Sequence[FirstStep]:
    """All first steps; one query."""
    active = Connection.state == ConnectionState.ACTIVE
    row = session.execute(
        select(
            select(Connection.id).where(active, Connection.topic == "esign").exists().label("seal"),
            select(Connection.id).where(active, Connection.topic == "bank").exists().label("bank"),
            select(Parameter.id).where(Parameter.name == "net_assets").exists().label("figures"),
            select(Party.id).exists().label("customer"),
        )
    ).one()
    return (
        FirstStep("seal", gettext("Set up the company seal"), row.seal),
        FirstStep("bank", gettext("Connect the bank account"), row.bank),
        FirstStep("figures", gettext("Enter last year-end's net assets"), row.figures),
        FirstStep("customer", gettext("Record the first customer"), row.customer),
    )
