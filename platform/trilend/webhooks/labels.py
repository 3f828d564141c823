"""What states and failures of deliveries are called on pages."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from trilend.webhooks.models import DeliveryState, EndpointState

ENDPOINT_STATES: Mapping[EndpointState, tuple[str, LazyString]] = {
    EndpointState.ACTIVE: ("success", _l("Active")),
    EndpointState.OFF: ("neutral", _l("Switched off")),
    EndpointState.STOPPED: ("danger", _l("Stopped: nothing arrives")),
}
DELIVERY_STATES: Mapping[DeliveryState, tuple[str, LazyString]] = {
    DeliveryState.PENDING: ("progress", _l("On its way")),
    DeliveryState.DELIVERED: ("success", _l("Arrived")),
    DeliveryState.DEAD: ("danger", _l("Given up")),
    DeliveryState.HELD: ("warning", _l("Waits until the address is switched on")),
}
FAILURES: Mapping[str, LazyString] = {
    "address_refused": _l("The host is not on the public internet, or its address was refused"),
    "answer_too_large": _l("The answer was too large"),
    "timeout": _l("No answer in time"),
    "unreachable": _l("No connection"),
    "redirect": _l("The receiver sent us elsewhere; redirects are not followed"),
    "status": _l("The receiver did not take it"),
}
