"""Pages of the console: sign-in and the list of tenants."""

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from trilend.config import settings
from trilend.console.service import Wanted, authenticate, count_by_attention, list_tenants
from trilend.kinds import kinds
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.door import admission_of
from trilend.tenancy.models import Operator, TenantState
from trilend.web.badges import STATES
from trilend.web.language import begin_session_anew

blueprint = Blueprint("console", __name__)
PAGE_SIZE = 50
LISTED_STATES = (TenantState.TRIAL, TenantState.VERIFIED, TenantState.SUSPENDED, TenantState.CLOSED)


class SignInForm(FlaskForm):  # type: ignore[misc]
    """User name and password of an operator."""

    username = StringField(_l("User name"), validators=[InputRequired(_l("Enter your user name."))])
    password = PasswordField(_l("Password"), validators=[InputRequired(_l("Enter your password."))])


@blueprint.before_app_request
def require_operator() -> Response | None:
    """Load the operator of this request; everything but sign-in and static files needs one."""
    g.operator = None
    with RegistrySession() as registry:
        operator = _signed_in(registry)
        if operator is not None:
            registry.expunge(operator)
            g.operator = operator
    open_endpoints = {"console.sign_in", "trilend_language.switch_language"}
    if g.operator or request.endpoint in open_endpoints or (request.endpoint or "").endswith(("static", "asset")):
        return None
    return redirect(url_for("console.sign_in"))


@blueprint.route("/login", methods=["GET", "POST"])
def sign_in() -> str | Response | tuple[str, int]:
    """Sign an operator in."""
    form = SignInForm()
    status = 200
    if form.validate_on_submit():
        with RegistrySession() as registry:
            operator = authenticate(registry, form.username.data, form.password.data)
            if operator is not None:
                begin_session_anew()
                session["operator"] = operator.id
                return redirect(url_for(".tenants"))
        form.password.errors = [_l("The user name or the password is wrong.")]
        status = 401
    return render_template("console/sign_in.html", form=form), status


@blueprint.get("/logout")
def sign_out() -> Response:
    """Sign the operator out."""
    begin_session_anew()
    return redirect(url_for(".sign_in"))


@blueprint.get("/")
def tenants() -> str:
    """All tenants, searched and paged."""
    asked = request.args
    wanted = Wanted(
        asked.get("q", "").strip(), asked.get("state", ""), asked.get("kind", ""), asked.get("attention", "")
    )
    page = max(1, asked.get("page", 1, type=int))
    with RegistrySession() as registry:
        rows, total = list_tenants(registry, wanted, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE)
        counts = count_by_attention(registry)
        registry.expunge_all()
    return render_template(
        "console/tenants.html",
        tenants=rows,
        total=total,
        page=page,
        page_size=PAGE_SIZE,
        wanted=wanted,
        counts=counts,
        states=LISTED_STATES,
        state_label=lambda state: STATES[state][1],
        admission_of=admission_of,
        kinds=kinds(),
        url_of=settings().url_of,
    )


def _signed_in(registry: Session) -> Operator | None:
    operator_id = session.get("operator")
    operator = registry.get(Operator, operator_id) if operator_id else None
    return operator if operator is not None and operator.active else None
