"""The pages a signatory outside sees: the cost table with its reading time, the document, the code, the result."""

from flask import Response as FlaskResponse
from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import InputRequired

from trilend.documents.service import document, stored_of
from trilend.errors import TrilendError
from trilend.identity.access import open_page
from trilend.signing.service import seconds_to_read, send_code, sign_with_code, signatory_by_token
from trilend.storage.downloads import file_response
from trilend.tenancy.context import tenant_session
from trilend.web.shell import allow_framing_by_this_site


class SignForm(FlaskForm):  # type: ignore[misc]
    """The one-time code that signs."""

    code = StringField(_l("Code from the message"), validators=[InputRequired(_l("Enter the six digits."))])


class SigningView(BaseView):  # type: ignore[misc]
    """Reached by link only; no permission is asked, the token is the key and the code the signature."""

    route_base = "/sign"
    default_view = "page"

    @open_page("/<token>", methods=("GET", "POST"))
    def page(self, token: str) -> str | Response | tuple[str, int]:
        """Read, and sign with the code."""
        session = tenant_session()
        signatory = signatory_by_token(session, token)
        session.commit()
        form = SignForm()
        status = 200
        if form.validate_on_submit():
            try:
                sign_with_code(session, signatory, form.code.data, _evidence())
            except TrilendError as error:
                form.code.errors = [error.message]
                status = error.status
            session.commit()
            if status == 200:
                return redirect(url_for(".page", token=token), 303)
        elif form.is_submitted():
            status = 422
        page = render_template(
            "signing/sign.html", signatory=signatory, form=form, token=token, wait=seconds_to_read(signatory)
        )
        return page, status

    @open_page("/<token>/code", methods=("POST",))
    def code(self, token: str) -> Response:
        """Have a code sent."""
        session = tenant_session()
        signatory = signatory_by_token(session, token)
        try:
            send_code(session, signatory)
        except TrilendError as error:
            flash(str(error), "warning")
        else:
            flash(
                gettext("A code is on its way to your mobile ending in %(tail)s.", tail=signatory.mobile[-4:]),
                "success",
            )
        session.commit()
        return redirect(url_for(".page", token=token), 303)

    @open_page("/<token>/document.pdf")
    def file(self, token: str) -> FlaskResponse:
        """The document as it stands."""
        session = tenant_session()
        signatory = signatory_by_token(session, token)
        response = file_response(stored_of(document(session, signatory.envelope.document_id)), "document.pdf")
        session.commit()
        allow_framing_by_this_site()
        return response


def _evidence() -> dict[str, str]:
    return {"address": request.remote_addr or "", "browser": request.headers.get("User-Agent", "")[:200]}
