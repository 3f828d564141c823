"""What the arithmetic of lending refuses."""

from trilend.errors import Invalid


class InvalidTerms(Invalid):
    """The terms of a loan make no sense; `field` names the term at fault."""

    code = "invalid_terms"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}", field=field)
        self.field = field


class InvalidEvents(Invalid):
    """The events of a loan cannot have happened as recorded; `event_id` names the event at fault."""

    code = "invalid_events"

    def __init__(self, event_id: str, message: str) -> None:
        super().__init__(f"event {event_id}: {message}", event_id=event_id)
        self.event_id = event_id


class NoRateOfReturn(Invalid):
    """Cash flows that go one way only have no internal rate of return."""

    code = "no_rate_of_return"
