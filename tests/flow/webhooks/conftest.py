"""What the tests of events share: a company, a program that is told, and a way to let time pass."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.flow.webhooks.receiver import Receiver

from trilend.audit.service import Actor
from trilend.db.base import now
from trilend.jobs.models import Job
from trilend.tenancy.context import bound, tenant_session
from trilend.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from trilend.webhooks.service import add_endpoint

ADMIN = Actor("管理员", 1)
ALL = ("application.decided", "contract.signed", "day.closed", "loan.disbursed", "loan.settled", "payment.received")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A program elsewhere."""
    started = Receiver().start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def company(new_tenant: Callable[..., Any]) -> Any:
    """A microfinance company for all tests of a module."""
    return new_tenant()


@dataclass
class Told:
    """An address of a company, with its secret."""

    company: Any
    id: int
    secret: str
    run_jobs: Callable[[], int]

    def endpoint(self) -> WebhookEndpoint:
        """The row, as it is now."""
        with bound(self.company):
            found = tenant_session.get_one(WebhookEndpoint, self.id)
            tenant_session.expunge(found)
            return found

    def deliveries(self) -> list[WebhookDelivery]:
        """What was to be sent to it, in order."""
        return self._rows(select(WebhookDelivery).where(WebhookDelivery.endpoint_id == self.id))

    def attempts(self) -> list[WebhookAttempt]:
        """All requests to it, in order."""
        return self._rows(select(WebhookAttempt).join(WebhookDelivery).where(WebhookDelivery.endpoint_id == self.id))

    def wait(self) -> None:
        """Let the pause before the next attempt pass, and attempt."""
        with bound(self.company):
            tenant_session.execute(update(Job).where(Job.state == "queued").values(not_before=now()))
            tenant_session.commit()
        self.run_jobs()

    def _rows(self, statement: Any) -> list[Any]:
        with bound(self.company):
            rows = list(tenant_session.scalars(statement))
            tenant_session.expunge_all()
            return sorted(rows, key=lambda row: row.id)


@pytest.fixture
def told(company: Any, receiver: Receiver, run_jobs: Callable[[], int]) -> Iterator[Told]:
    """The company tells the receiver everything; no longer after the test."""
    with bound(company):
        made, secret = add_endpoint(tenant_session(), ADMIN, url=receiver.url, description="账簿", kinds=ALL)
        endpoint_id = made.id
        tenant_session.commit()
    yield Told(company, endpoint_id, secret, run_jobs)
    with bound(company):
        tenant_session.execute(update(Job).where(Job.state == "queued").values(state="discarded"))
        tenant_session.delete(tenant_session.get_one(WebhookEndpoint, endpoint_id))
        tenant_session.commit()
