"""The pages on which an administrator says who is told what, and sees what arrived."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import SelectChoice, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length

from trilend.identity.access import page
from trilend.identity.service import signed_in_actor
from trilend.tenancy.context import tenant_session
from trilend.webhooks import service
from trilend.webhooks.errors import WrongAddress
from trilend.webhooks.events import body_of, event_types
from trilend.webhooks.labels import DELIVERY_STATES, ENDPOINT_STATES, FAILURES
from trilend.webhooks.models import DeliveryState, WebhookAttempt, WebhookEndpoint

PAGE_SIZE = 30
_NAMES = {"endpoint_states": ENDPOINT_STATES, "delivery_states": DELIVERY_STATES, "failures": FAILURES}


class EndpointForm(FlaskForm):  # type: ignore[misc]
    """An address and what it is told."""

    url = StringField(
        _l("Address"),
        validators=[InputRequired(_l("Enter the address.")), Length(max=500)],
        description=_l("Begins with https://. Each event is sent there as one POST with JSON."),
    )
    description = StringField(_l("What is there"), validators=[Length(max=200)], description=_l("For your own staff"))
    kinds = SelectMultipleField(_l("What it is told"), validators=[InputRequired(_l("Choose at least one event."))])


class WebhooksView(BaseView):  # type: ignore[misc]
    """Who is told what happens."""

    route_base = "/webhooks"
    class_permission_name = "Webhooks"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str:
        """All addresses."""
        found = service.endpoints(tenant_session())
        return render_template("webhooks/overview.html", endpoints=found, labels=_labels(), **_NAMES)

    @page("/new", permission="edit", methods=("GET", "POST"))
    def add(self) -> str | tuple[str, int]:
        """Add an address; its secret is shown once, on the answer to this request."""
        form = _form()
        if form.validate_on_submit():
            try:
                made, secret = service.add_endpoint(tenant_session(), signed_in_actor(), **_entered(form))
            except WrongAddress as error:
                form.url.errors = [error.message]
            else:
                tenant_session.commit()
                return render_template("webhooks/secret.html", endpoint=made, secret=secret, is_new=True)
        title = gettext("Tell another program")
        return render_template("webhooks/form.html", form=form, title=title), 422 if form.is_submitted() else 200

    @page("/<int:endpoint_id>", permission="list")
    def detail(self, endpoint_id: int) -> str:
        """One address with the log of what was sent."""
        session = tenant_session()
        state = request.args.get("state", "")
        number = max(1, request.args.get("page", 1, type=int))
        rows, total = service.deliveries(
            session,
            service.endpoint(session, endpoint_id).id,
            state=state if state in list(DeliveryState) else "",
            offset=(number - 1) * PAGE_SIZE,
            limit=PAGE_SIZE,
        )
        return render_template(
            "webhooks/detail.html",
            endpoint=service.endpoint(session, endpoint_id),
            deliveries=rows,
            total=total,
            page=number,
            page_size=PAGE_SIZE,
            state=state,
            labels=_labels(),
            **_NAMES,
        )

    @page("/<int:endpoint_id>/change", permission="edit", methods=("GET", "POST"))
    def change(self, endpoint_id: int) -> str | Response | tuple[str, int]:
        """Change where and what is told."""
        session = tenant_session()
        form = _form(service.endpoint(session, endpoint_id))
        if form.validate_on_submit():
            try:
                service.change_endpoint(session, signed_in_actor(), endpoint_id, **_entered(form))
            except WrongAddress as error:
                session.rollback()
                form.url.errors = [error.message]
            else:
                session.commit()
                flash(gettext("Saved."), "success")
                return redirect(url_for(".detail", endpoint_id=endpoint_id), 303)
        title = gettext("Change the address")
        return render_template("webhooks/form.html", form=form, title=title), 422 if form.is_submitted() else 200

    @page("/<int:endpoint_id>/switch", permission="edit", methods=("POST",))
    def switch(self, endpoint_id: int) -> Response:
        """Switch it on or off."""
        service.switch(tenant_session(), signed_in_actor(), endpoint_id, on=request.form.get("on") == "yes")
        tenant_session.commit()
        return redirect(url_for(".detail", endpoint_id=endpoint_id), 303)

    @page("/<int:endpoint_id>/secret", permission="edit", methods=("POST",))
    def secret(self, endpoint_id: int) -> str:
        """Exchange the secret; the new one is shown once, on the answer to this request."""
        changed, secret = service.rotate_secret(tenant_session(), signed_in_actor(), endpoint_id)
        tenant_session.commit()
        return render_template("webhooks/secret.html", endpoint=changed, secret=secret, is_new=False)

    @page("/<int:endpoint_id>/test", permission="edit", methods=("POST",))
    def test(self, endpoint_id: int) -> Response:
        """Send an event that means nothing."""
        service.send_test(tenant_session(), signed_in_actor(), endpoint_id)
        tenant_session.commit()
        flash(gettext("A test event is on its way."), "success")
        return redirect(url_for(".detail", endpoint_id=endpoint_id), 303)

    @page("/<int:endpoint_id>/replay", permission="edit", methods=("POST",))
    def replay_failed(self, endpoint_id: int) -> Response:
        """Send all that was given up again."""
        count = service.replay_failed(tenant_session(), signed_in_actor(), endpoint_id)
        tenant_session.commit()
        flash(ngettext("%(num)d event is sent again.", "%(num)d events are sent again.", count), "success")
        return redirect(url_for(".detail", endpoint_id=endpoint_id), 303)

    @page("/deliveries/<int:delivery_id>", permission="list")
    def delivery(self, delivery_id: int) -> str:
        """What was sent, and what came back each time."""
        session = tenant_session()
        found = service.delivery(session, delivery_id)
        return render_template(
            "webhooks/delivery.html",
            delivery=found,
            body=body_of(found.event).decode(),
            attempts=service.attempts(session, delivery_id),
            request_text=_request_text,
            labels=_labels(),
            **_NAMES,
        )

    @page("/deliveries/<int:delivery_id>/replay", permission="edit", methods=("POST",))
    def replay(self, delivery_id: int) -> Response:
        """Send one event again."""
        session = tenant_session()
        endpoint_id = service.delivery(session, delivery_id).endpoint_id
        service.replay(session, signed_in_actor(), delivery_id)
        session.commit()
        flash(gettext("The event is sent again."), "success")
        return redirect(url_for(".detail", endpoint_id=endpoint_id), 303)


def _labels() -> dict[str, Any]:
    return {each.name: each.label for each in event_types()} | {"webhook.test": gettext("Test")}


def _request_text(attempt: WebhookAttempt) -> str:
    """A request as it went over the line, without its signature."""
    return "\n".join([f"POST {attempt.url}", *(f"{name}: {value}" for name, value in attempt.request_headers.items())])


def _form(subject: WebhookEndpoint | None = None) -> EndpointForm:
    values = {"url": subject.url, "description": subject.description, "kinds": subject.kinds.split()} if subject else {}
    form = EndpointForm(data=values or None)
    form.kinds.choices = [SelectChoice(each.name, each.label) for each in event_types()]
    return form


def _entered(form: EndpointForm) -> dict[str, Any]:
    return {
        "url": form.url.data.strip(),
        "description": form.description.data or "",
        "kinds": form.kinds.data,
    }
