"""The pages for people: allowing a program to act in one's name, and seeing and ending what one has allowed."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from flask import Response as FlaskResponse
from flask import current_app, flash, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from trilend.api.oauth.clients import origin_of
from trilend.api.oauth.server import SERVER
from trilend.api.oauth.tokens import end_grant
from trilend.api.oauth.views import issuer
from trilend.errors import NotFound
from trilend.identity.access import open_page
from trilend.identity.models import ApiClient, ApiGrant
from trilend.identity.scopes import SCOPES, scopes_within
from trilend.identity.service import signed_in_actor
from trilend.tenancy.context import bookkeeping, tenant_session
from trilend.web.security_headers import allow_forms_to


@dataclass(frozen=True)
class Allowed:
    """What a person who is signed in allows."""

    user_id: int
    scopes: frozenset[str]


class ConsentView(BaseView):  # type: ignore[misc]
    """Where a program sends a person to be allowed to act in the person's name."""

    route_base = "/authorize"
    default_view = "page"

    @open_page("/", methods=("GET", "POST"))
    def page(self) -> str | Response | tuple[str, int]:
        """Who asks for what, in plain words; nothing is allowed before somebody who is signed in says so."""
        try:
            grant = SERVER.get_consent_grant()
        except OAuth2Error as error:
            return _refused(error)
        if not g.user.is_authenticated:
            return redirect(current_app.appbuilder.get_url_for_login_with(request.full_path))  # type: ignore[attr-defined]
        wanted = grant.request.scope.split()
        held = current_app.appbuilder.sm.permissions_of(g.user.id)  # type: ignore[attr-defined]
        allowed = Allowed(g.user.id, scopes_within(wanted, held))
        if request.method == "POST":
            return _decided(grant, allowed if request.form.get("decision") == "allow" and allowed.scopes else None)
        allow_forms_to(origin_of(grant.redirect_uri))
        return render_template(
            "api/consent.html",
            client=grant.request.client.row,
            granted=[SCOPES[scope] for scope in wanted if scope in allowed.scopes],
            lacking=[SCOPES[scope] for scope in wanted if scope not in allowed.scopes],
            back_to=_shown_address(grant.redirect_uri),
        )


class MyProgramsView(BaseView):  # type: ignore[misc]
    """Programs that act in the name of the person who is signed in."""

    route_base = "/my-programs"
    default_view = "overview"

    @open_page("/")
    def overview(self) -> str | Response:
        """All that are allowed now."""
        if not g.user.is_authenticated:
            return redirect(current_app.appbuilder.get_url_for_login_with(request.full_path))  # type: ignore[attr-defined]
        grants = tenant_session.scalars(_running().order_by(ApiGrant.id.desc())).all()
        return render_template("api/my_programs.html", grants=grants, labels=SCOPES)

    @open_page("/<int:grant_id>/end", methods=("POST",))
    def end(self, grant_id: int) -> Response:
        """No longer let a program act in one's name; its tokens are refused from now on."""
        if not g.user.is_authenticated:
            return redirect(current_app.appbuilder.get_url_for_login_with(url_for(".overview")))  # type: ignore[attr-defined]
        with bookkeeping():
            session = tenant_session()
            grant = session.scalar(_running().where(ApiGrant.id == grant_id).with_for_update(of=ApiGrant))
            if grant is None:
                raise NotFound(gettext("This program does not act in your name (any more)."), id=grant_id)
            name = grant.client.name
            end_grant(session, signed_in_actor(), grant, "ended_by_person")
            session.commit()
        flash(gettext("%(program)s can no longer act in your name.", program=name), "success")
        return redirect(url_for(".overview"), 303)


def _running() -> Select[ApiGrant]:
    own = ApiGrant.user_id == g.user.id
    found = select(ApiGrant).options(joinedload(ApiGrant.client)).join(ApiClient)
    return found.where(own, ApiGrant.revoked_at.is_(None), ApiClient.active.is_(True))


def _decided(grant: AuthorizationCodeGrant, allowed: Allowed | None) -> FlaskResponse:
    with bookkeeping():
        response: FlaskResponse = SERVER.create_authorization_response(grant_user=allowed, grant=grant)
    return _back(response)


def _refused(error: OAuth2Error) -> Response | tuple[str, int]:
    """Back to the program with the error; or a page, where it is not sure that the address is the program's own."""
    if getattr(error, "redirect_uri", None):
        return _back(SERVER.handle_error_response(None, error))
    return render_template("api/consent_refused.html", why=error.description or error.error), 400


def _back(response: FlaskResponse) -> FlaskResponse:
    """The answer on its way, with the name of who answers: a program of several servers is not taken in (RFC 9207)."""
    if response.location:
        response.location = add_params_to_uri(response.location, [("iss", issuer())])
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _shown_address(address: str) -> str:
    parts = urlsplit(address)
    return parts.netloc or f"{parts.scheme}:"
