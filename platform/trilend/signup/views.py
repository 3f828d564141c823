"""The public site: landing page, sign-up in three steps, and the outbox of a one-machine installation."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from trilend.config import settings
from trilend.errors import TrilendError
from trilend.jobs.models import JobState
from trilend.kinds import kinds
from trilend.messages.service import recent
from trilend.signup.forms import CodeForm, CompanyForm
from trilend.signup.models import SignUp, SignUpState
from trilend.signup.service import SignUpData, begin, confirm, provisioning_job, send_code, sign_up_by_token
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.errors import CompanyTaken, SlugTaken

blueprint = Blueprint("signup", __name__)


@blueprint.get("/")
def landing() -> str:
    """What Trilend is, for whom, and how to begin."""
    choices = [
        {
            "icon": kind.icon,
            "title": kind.label,
            "text": kind.summary,
            "points": kind.points,
            "url": url_for(".company", kind=kind.name),
            "action": gettext("Sign up"),
        }
        for kind in kinds().values()
    ]
    return render_template("signup/landing.html", choices=choices)


@blueprint.route("/signup", methods=["GET", "POST"])
def company() -> str | Response | tuple[str, int]:
    """Step 1: the company and its first administrator."""
    form = CompanyForm(kind=request.args.get("kind"))
    if not form.is_submitted():
        return _company_page(form)
    if not form.validate():
        return _company_page(form), 422
    entered = {name: form[name].data for name in SignUpData.__dataclass_fields__}
    with RegistrySession() as session:
        try:
            token = begin(session, SignUpData(**entered)).token
        except (SlugTaken, CompanyTaken) as error:
            _show_taken(form, error)
            return _company_page(form), error.status
        session.commit()
    return redirect(url_for(".code", token=token))


@blueprint.route("/signup/<token>/code", methods=["GET", "POST"])
def code(token: str) -> str | Response | tuple[str, int]:
    """Step 2: the one-time code."""
    form = CodeForm()
    with RegistrySession() as session:
        sign_up = sign_up_by_token(session, token)
        if sign_up.state != SignUpState.CODE:
            return redirect(url_for(".progress", token=token))
        status = 200
        if form.validate_on_submit():
            try:
                confirm(session, sign_up, form.code.data)
            except (SlugTaken, CompanyTaken) as error:
                return _choose_again(sign_up, error), error.status
            except TrilendError as error:
                form.code.errors = [*form.code.errors, error.message]
                status = error.status
            else:
                session.commit()
                return redirect(url_for(".progress", token=token))
            session.commit()
        elif form.is_submitted():
            status = 422
        page = render_template(
            "signup/code.html", form=form, sign_up=sign_up, outbox=settings().outbox_page, steps=_steps(1)
        )
        return page, status


@blueprint.post("/signup/<token>/code/again")
def code_again(token: str) -> Response:
    """Have another code sent."""
    with RegistrySession() as session:
        sign_up = sign_up_by_token(session, token)
        try:
            send_code(session, sign_up)
        except TrilendError as error:
            flash(str(error), "danger")
        else:
            session.commit()
            flash(gettext("A new code is on its way."), "success")
    return redirect(url_for(".code", token=token))


@blueprint.get("/signup/<token>/progress")
def progress(token: str) -> str:
    """Step 3: the company's own space is being made."""
    return render_template("signup/progress.html", **_progress(token), steps=_steps(2))


@blueprint.get("/signup/<token>/progress/state")
def progress_state(token: str) -> str:
    """The moving part of step 3."""
    return render_template("signup/progress_state.html", **_progress(token))


@blueprint.get("/outbox")
def outbox() -> str:
    """Mail and short messages of this machine; does not exist where they really leave."""
    if not settings().outbox_page:
        abort(404)
    return render_template("signup/outbox.html", messages=recent())


def _choose_again(sign_up: SignUp, error: SlugTaken | CompanyTaken) -> str:
    """Step 1 once more with all that was entered but the password, for one whose name somebody else got first."""
    kept = {name: getattr(sign_up, name) for name in SignUpData.__dataclass_fields__ if name != "password"}
    form = CompanyForm(formdata=None, data=kept)
    _show_taken(form, error)
    return _company_page(form, again=True)


def _show_taken(form: CompanyForm, error: SlugTaken | CompanyTaken) -> None:
    field = form.slug if isinstance(error, SlugTaken) else form.uscc
    field.errors = [*field.errors, error.message]


def _company_page(form: CompanyForm, *, again: bool = False) -> str:
    found = kinds().values()
    return render_template(
        "signup/company.html",
        form=form,
        again=again,
        texts={kind.name: kind.summary for kind in found},
        icons={kind.name: kind.icon for kind in found},
        base_host=settings().base_host,
        steps=_steps(0),
    )


def _progress(token: str) -> dict[str, Any]:
    with RegistrySession() as session:
        sign_up = sign_up_by_token(session, token)
        job = provisioning_job(session, sign_up)
        session.expunge_all()
    return {
        "sign_up": sign_up,
        "ready": sign_up.state == SignUpState.READY,
        "failed": job is not None and job.state in (JobState.FAILED, JobState.DISCARDED),
        "done": job.done_steps if job else 0,
        "total": job.total_steps if job else 3,
        "tenant_url": settings().url_of(sign_up.slug),
    }


def _steps(current: int) -> list[dict[str, str]]:
    labels = (gettext("Company"), gettext("One-time code"), gettext("Your space"))
    states = ("done", "current", "todo")
    return [
        {"label": label, "state": states[0] if number < current else states[1] if number == current else states[2]}
        for number, label in enumerate(labels)
    ]
