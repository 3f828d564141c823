"""Conformance of plugins of topic `events/1`."""

from datetime import date

from trilend_sdk.conformance.kit import Bench, Conformance, now
from trilend_sdk.events import API, DomainEvent, EventSubject


class EventsConformance(Conformance):
    """Inherit and give a fixture `bench`, whose `effects("events_deliver", event_id)` counts what an event did."""

    api = API

    def test_events_deliver_twice_has_one_effect(self, bench: Bench) -> None:
        event = self.event(bench, "loan.disbursed", "twice")
        first = bench.call("events_deliver", event=event)
        again = bench.call("events_deliver", event=event)
        assert first.event_id == again.event_id == event.event_id
        assert bench.effects("events_deliver", event.event_id) <= 1

    def test_an_event_of_an_unknown_kind_ends_its_delivery(self, bench: Bench) -> None:
        event = self.event(bench, "something.new_here", "unknown")
        assert bench.call("events_deliver", event=event).event_id == event.event_id

    def event(self, bench: Bench, kind: str, word: str) -> DomainEvent:
        """A sample event."""
        made = DomainEvent(
            event_id=f"event-{word}",
            sequence=1,
            kind=kind,
            occurred_at=now(),
            business_date=date(2026, 3, 2),
            subject=EventSubject(kind="loan", id="1", number="DK26000001"),
            data={"amount": "1200.50"},
        )
        return bench.payload(DomainEvent, made)
