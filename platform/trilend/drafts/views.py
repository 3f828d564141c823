"""Where the pages keep drafts: one address per form, for the person signed in."""

from typing import Any

from flask import Flask, abort, g, jsonify, request
from flask_appbuilder import BaseView
from werkzeug.wrappers import Response

from trilend.drafts import service
from trilend.errors import TrilendError
from trilend.identity.access import open_page
from trilend.tenancy.context import tenant_session
from trilend.web.formats import instant

_FIELD = "_draft"
_LONGEST_NAME = 100


class DraftsView(BaseView):  # type: ignore[misc]
    """Drafts of the person signed in; nobody reads another's."""

    route_base = "/drafts"

    @open_page("/<name>", methods=("GET",))
    def find(self, name: str) -> Response | tuple[str, int]:
        """What was entered and not sent, and when it was kept; 204 if there is nothing."""
        found = service.find(tenant_session(), _person(), _checked(name))
        if found is None:
            return "", 204
        answer: Response = jsonify(entries=found.entries, saved_at=instant(found.saved_at))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @open_page("/<name>", methods=("PUT",))
    def keep(self, name: str) -> tuple[str, int]:
        """Keep what is entered now."""
        person = _person()
        service.keep(tenant_session(), person, _checked(name), _entries(request.get_json()))
        tenant_session.commit()
        return "", 204

    @open_page("/<name>", methods=("DELETE",))
    def discard(self, name: str) -> tuple[str, int]:
        """Forget it."""
        service.discard(tenant_session(), _person(), _checked(name))
        tenant_session.commit()
        return "", 204


def keep_refused() -> None:
    """Keep what was sent with a form that an error refuses, so that the page it leads back to can show it again."""
    name = request.form.get(_FIELD, "")
    if not name or not _is_signed_in():
        return
    entries = [
        (field, value)
        for field, values in request.form.lists()
        for value in values
        if not field.startswith("_") and field != "csrf_token" and "password" not in field
    ]
    try:
        service.keep(tenant_session(), g.user.id, _checked(name), entries)
        tenant_session.commit()
    except TrilendError:
        # Where a draft cannot be kept, the refusal is still what the person has to read.
        tenant_session.rollback()
    g.trilend_refused = True


def install_drafts(app: Flask) -> None:
    """Forgets a draft once its form has been taken: what a form that was sent leads to is another page."""

    @app.after_request
    def discard_sent(response: Response) -> Response:
        # What was refused may be too large to be read, and most of what is sent leads on.
        leads_on = request.method == "POST" and response.status_code in (302, 303)
        name = request.form.get(_FIELD, "") if leads_on else ""
        if name and not g.get("trilend_refused") and _is_signed_in():
            service.discard(tenant_session(), g.user.id, name[:_LONGEST_NAME])
            tenant_session.commit()
        return response


def _is_signed_in() -> bool:
    # A request that was refused at the door was never asked who sends it.
    return "user" in g and bool(g.user.is_authenticated)


def _person() -> int:
    if not _is_signed_in():
        abort(401)
    return int(g.user.id)


def _checked(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        abort(404)
    return name


def _entries(sent: Any) -> list[tuple[str, str]]:
    pairs = sent if isinstance(sent, list) else abort(400)
    if not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in pairs
    ):
        abort(400)
    return [(pair[0], pair[1]) for pair in pairs]
