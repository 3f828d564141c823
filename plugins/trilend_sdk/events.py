"""Topic `events/1`: what happened in a tenant's business, delivered at least once to plugins that subscribe."""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, Field, JsonValue

from trilend_sdk.context import PluginContext
from trilend_sdk.hooks import Kind, hookspec
from trilend_sdk.payload import CheckResult, Payload

API = "events/1"


class EventKind(StrEnum):
    """The events that the platform knows; further ones may come, so an unknown kind is no error."""

    PARTY_CREATED = "party.created"
    APPLICATION_SUBMITTED = "application.submitted"
    APPLICATION_DECIDED = "application.decided"
    CONTRACT_SIGNED = "contract.signed"
    LOAN_DISBURSED = "loan.disbursed"
    PAYMENT_RECEIVED = "payment.received"
    LOAN_OVERDUE = "loan.overdue"
    LOAN_CLASSIFIED = "loan.classified"
    LOAN_SETTLED = "loan.settled"
    LOAN_WRITTEN_OFF = "loan.written_off"
    GUARANTEE_ISSUED = "guarantee.issued"
    GUARANTEE_RELEASED = "guarantee.released"
    COMPENSATION_PAID = "compensation.paid"
    RECOVERY_RECEIVED = "recovery.received"
    LEAD_RECEIVED = "lead.received"
    LEAD_ASSIGNED = "lead.assigned"
    SUBMISSION_SENT = "submission.sent"
    SUBMISSION_DECIDED = "submission.decided"
    DAY_CLOSED = "day.closed"


class EventSubject(Payload):
    """What an event is about: the kind of object, its id, and its number as people know it."""

    kind: str
    id: str
    number: str = ""


class DomainEvent(Payload):
    """Something that has happened and been committed.

    The same `event_id` may come again, and events may come out of order: `sequence` grows over the tenant's events.
    `data` is of `version` of this kind and holds no personal identifiers; money in it is text.
    """

    event_id: str = Field(min_length=1, max_length=64)
    sequence: int = Field(ge=1)
    kind: str = Field(pattern=r"^[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)+$")
    version: int = Field(default=1, ge=1)
    occurred_at: AwareDatetime
    business_date: date
    subject: EventSubject
    data: dict[str, JsonValue] = Field(default_factory=dict)


class Delivery(Payload):
    """Whether the plugin did something with the event, or did not want it; both end its delivery."""

    event_id: str
    used: bool


class EventsHooks:
    """Hooks of topic `events/1`."""

    @hookspec(deadline=15.0)
    def events_check(self, context: PluginContext) -> CheckResult:
        """Test the connection."""
        raise TypeError

    @hookspec(kind=Kind.EVENT, deadline=30.0)
    def events_deliver(self, context: PluginContext, event: DomainEvent) -> Delivery:
        """Take an event; the same id again must change nothing. `Retryable` asks for it again later."""
        raise TypeError


SPECIFICATION = EventsHooks
