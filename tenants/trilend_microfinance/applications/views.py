"""Pages of applications: list, one with its checks, entering one, deciding one or many."""

from decimal import Decimal

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import DateField, DecimalField, IntegerField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

from trilend.audit.service import history
from trilend.credit.limits import LimitCheck
from trilend.credit.schedule import build_schedule
from trilend.identity.access import page
from trilend.identity.service import person_names, signed_in_actor
from trilend.lists.pages import list_page
from trilend.parameters.errors import ParameterMissing
from trilend.parameters.service import business_date
from trilend.parties.service import list_parties, party
from trilend.tenancy.context import current_tenant, tenant_session
from trilend_microfinance.applications.errors import InvalidApplication
from trilend_microfinance.applications.listing import ALL
from trilend_microfinance.applications.models import Application
from trilend_microfinance.applications.service import (
    ApplicationData,
    application,
    approve,
    evaluate,
    refuse,
    submit,
)
from trilend_microfinance.applications.tasks import order_approvals, order_contracts
from trilend_microfinance.cost import cost_of
from trilend_microfinance.jobs_view import job_page
from trilend_microfinance.products.labels import METHODS
from trilend_microfinance.products.service import product, products
from trilend_microfinance.servicing.lookup import loan_of_application
from trilend_microfinance.terms import terms_of

_NEEDED = InputRequired(_l("This field is needed."))


class ApplicationForm(FlaskForm):  # type: ignore[misc]
    """What is asked for."""

    product = SelectField(_l("Product"), coerce=int)
    amount = DecimalField(_l("Amount"), places=2, validators=[_NEEDED, NumberRange(min=Decimal("0.01"))])
    periods = IntegerField(_l("Term (months)"), validators=[_NEEDED, NumberRange(1, 600)])
    annual_rate = DecimalField(_l("Annual rate (%)"), places=2, validators=[_NEEDED, NumberRange(Decimal("0.01"), 100)])
    purpose = StringField(_l("Purpose"), validators=[_NEEDED, Length(max=200)])
    applied_on = DateField(_l("Applied on"), validators=[_NEEDED])


class ApplicationsView(BaseView):  # type: ignore[misc]
    """Applications for loans."""

    route_base = "/applications"
    class_permission_name = "Applications"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str | Response:
        """All applications."""
        return list_page(ALL, "microfinance/applications.html")

    @page("/<int:application_id>", permission="show")
    def detail(self, application_id: int) -> str:
        """One application: limits, cost and schedule as they would be today."""
        session = tenant_session()
        found = application(session, application_id)
        terms = terms_of(
            found.product,
            principal=found.amount,
            annual_rate=found.annual_rate,
            periods=found.periods,
            start=business_date(session),
        )
        return render_template(
            "microfinance/application.html",
            application=found,
            checks=_checks(found),
            cost=cost_of(terms, lender=current_tenant().name, penalty_rate=found.annual_rate),
            schedule=build_schedule(terms),
            methods=METHODS,
            loan=loan_of_application(session, application_id),
            history=history(session, "loan_application", application_id),
            people=person_names(session, [found.created_by, found.decided_by]),
        )

    @page("/new", permission="add", methods=("GET", "POST"))
    def add(self) -> str | Response | tuple[str, int]:
        """Enter an application: first choose the customer, then what is asked for."""
        session = tenant_session()
        party_id = request.args.get("customer", type=int)
        if party_id is None:
            search = request.args.get("q", "").strip()
            found, total = list_parties(session, search=search, offset=0, limit=20)
            return render_template("microfinance/choose_customer.html", parties=found, total=total, search=search)
        customer = party(session, party_id)
        form = ApplicationForm(applied_on=business_date(session))
        form.product.choices = [SelectChoice(entry.id, entry.name) for entry in products(session, active_only=True)]
        status = 200
        if form.validate_on_submit():
            data = ApplicationData(
                party_id=customer.id,
                product=product(session, form.product.data),
                amount=form.amount.data,
                periods=form.periods.data,
                annual_rate=form.annual_rate.data / 100,
                purpose=form.purpose.data,
                applied_on=form.applied_on.data,
            )
            try:
                added = submit(session, signed_in_actor(), data)
            except InvalidApplication as error:
                form[error.field].errors = [error.message]
                status = error.status
            else:
                session.commit()
                flash(gettext("Application %(number)s is waiting for a decision.", number=added.number), "success")
                return redirect(url_for(".detail", application_id=added.id))
        elif form.is_submitted():
            status = 422
        return render_template("microfinance/application_form.html", form=form, party=customer), status

    @page("/<int:application_id>/approve", permission="decide", methods=("POST",))
    def approve(self, application_id: int) -> Response:
        """Approve, as a second person."""
        session = tenant_session()
        decided = approve(session, signed_in_actor(), application_id, request.form.get("note", ""))
        session.commit()
        flash(gettext("%(number)s is approved.", number=decided.number), "success")
        return redirect(url_for(".detail", application_id=application_id))

    @page("/<int:application_id>/refuse", permission="decide", methods=("POST",))
    def refuse(self, application_id: int) -> Response:
        """Refuse, with a reason."""
        session = tenant_session()
        decided = refuse(session, signed_in_actor(), application_id, request.form.get("note", ""))
        session.commit()
        flash(gettext("%(number)s is refused.", number=decided.number), "success")
        return redirect(url_for(".detail", application_id=application_id))

    @page("/approve", permission="decide", methods=("POST",))
    def approve_many(self) -> Response:
        """Approve the chosen applications in the background."""
        session = tenant_session()
        job = order_approvals(session, signed_in_actor(), request.form.getlist("chosen", type=int))
        session.commit()
        return redirect(url_for(".work", job_id=job.id))

    @page("/contracts", permission="add", methods=("POST",))
    def contract_many(self) -> Response:
        """Make contracts for the chosen approved applications in the background."""
        session = tenant_session()
        job = order_contracts(session, signed_in_actor(), request.form.getlist("chosen", type=int))
        session.commit()
        return redirect(url_for(".work", job_id=job.id))

    @page("/work/<int:job_id>", permission="list")
    def work(self, job_id: int) -> str:
        """How far a background job is."""
        return job_page(job_id, back=url_for(".overview"))


def _checks(found: Application) -> list[LimitCheck] | ParameterMissing:
    """The checks of the decision if there was one, else those of today; or what is missing for them."""
    if found.checks:
        return [
            LimitCheck(
                rule=entry["rule"],
                basis=entry["basis"],
                cap=Decimal(entry["cap"]),
                used=Decimal(entry["used"]),
                requested=Decimal(entry["requested"]),
                passes=entry["passes"],
            )
            for entry in found.checks
        ]
    try:
        return list(evaluate(tenant_session(), found))
    except ParameterMissing as error:
        return error
