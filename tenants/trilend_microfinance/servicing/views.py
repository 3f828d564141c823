"""Pages of loans: list, one with its schedule and journals, disbursing, collecting, prepaying."""

from datetime import date

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import DateField, DecimalField, RadioField, SelectChoice
from wtforms.validators import InputRequired, Optional

from trilend.audit.service import history
from trilend.errors import Invalid
from trilend.identity.access import page
from trilend.identity.service import signed_in_actor
from trilend.ledger.service import journals
from trilend.parameters.service import business_date
from trilend.payments.service import instructions_of
from trilend.signing.models import EnvelopeState
from trilend.tenancy.context import tenant_session
from trilend_microfinance.contracts.service import contract_envelope, ready_to_disburse
from trilend_microfinance.disbursement.service import order, rejected, retry
from trilend_microfinance.jobs_view import job_page
from trilend_microfinance.products.labels import METHODS
from trilend_microfinance.repayments.service import (
    agree_prepayment,
    open_agreements,
    order_collection,
    quote,
    receive_by_hand,
    set_aside,
    unassigned,
)
from trilend_microfinance.servicing.models import LoanStage
from trilend_microfinance.servicing.service import list_loans, loan, state_of

PAGE_SIZE = 50


class PrepaymentForm(FlaskForm):  # type: ignore[misc]
    """What the borrower wants to prepay."""

    effect = RadioField(
        _l("What becomes of the loan"),
        choices=[
            SelectChoice("settle", _l("Close the loan")),
            SelectChoice("shorten", _l("Pay part of it and end earlier")),
            SelectChoice("lower", _l("Pay part of it and lower the payments")),
        ],
        default="settle",
    )
    amount = DecimalField(_l("Amount"), places=2, validators=[Optional()])
    value_date = DateField(_l("Money arrives by"), validators=[InputRequired(_l("Enter the day."))])


class LoansView(BaseView):  # type: ignore[misc]
    """Loans from contract to settlement."""

    route_base = "/loans"
    class_permission_name = "Loans"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str:
        """All loans, filtered and paged."""
        search, state = request.args.get("q", "").strip(), request.args.get("state", "")
        overdue = request.args.get("overdue") == "yes"
        page = max(1, request.args.get("page", 1, type=int))
        rows, total = list_loans(
            tenant_session(),
            state=state,
            search=search,
            overdue_only=overdue,
            offset=(page - 1) * PAGE_SIZE,
            limit=PAGE_SIZE,
        )
        return render_template(
            "microfinance/loans.html",
            loans=rows,
            total=total,
            page=page,
            page_size=PAGE_SIZE,
            search=search,
            state=state,
            overdue=overdue,
            states=[entry.value for entry in LoanStage],
            methods=METHODS,
        )

    @page("/<int:loan_id>", permission="show")
    def detail(self, loan_id: int) -> str:
        """One loan: where it stands, schedule, transfers, journals, history."""
        session = tenant_session()
        found = loan(session, loan_id)
        envelope = contract_envelope(session, loan_id)
        instructions = instructions_of(session, "loan", loan_id)
        books, total = journals(session, source_type="loan", source_id=loan_id, limit=6)
        return render_template(
            "microfinance/loan.html",
            loan=found,
            state=state_of(session, found),
            envelope=envelope,
            signed=envelope.state == EnvelopeState.COMPLETED,
            instructions=instructions,
            rejected=rejected(instructions) if found.state == LoanStage.DISBURSING else None,
            agreements=open_agreements(session, loan_id),
            journals=books,
            journal_total=total,
            methods=METHODS,
            history=history(session, "loan", loan_id),
        )

    @page("/disburse", permission="disburse", methods=("GET", "POST"))
    def disburse(self) -> str | Response:
        """Loans that wait for their money: choose and pay out."""
        session = tenant_session()
        chosen = request.form.getlist("chosen", type=int)
        if request.method == "POST" and chosen:
            job = order(session, signed_in_actor(), chosen)
            session.commit()
            return redirect(url_for(".work", job_id=job.id))
        return render_template("microfinance/disburse.html", loans=ready_to_disburse(session))

    @page("/<int:loan_id>/retry", permission="disburse", methods=("POST",))
    def retry(self, loan_id: int) -> Response:
        """Order the transfer anew after the bank rejected it."""
        session = tenant_session()
        job = retry(session, signed_in_actor(), loan_id)
        session.commit()
        return redirect(url_for(".work", job_id=job.id))

    @page("/collect", permission="collect", methods=("GET", "POST"))
    def collect(self) -> str | Response:
        """Read the bank's statement, and assign by hand what could not be assigned."""
        session = tenant_session()
        if request.method == "POST":
            job = order_collection(session, signed_in_actor())
            session.commit()
            return redirect(url_for(".work", job_id=job.id))
        return render_template("microfinance/collect.html", receipts=unassigned(session))

    @page("/collect/<int:entry_id>", permission="collect", methods=("POST",))
    def assign(self, entry_id: int) -> Response:
        """Assign one receipt to a loan by its number."""
        session = tenant_session()
        number = request.form.get("loan", "").strip().upper()
        found, _total = list_loans(session, search=number, limit=1)
        if not number or not found or found[0].number != number:
            raise Invalid(gettext("No loan has this number."))
        receive_by_hand(session, signed_in_actor(), found[0].id, entry_id)
        session.commit()
        flash(gettext("The receipt is booked on %(number)s.", number=number), "success")
        return redirect(url_for(".collect"))

    @page("/collect/<int:entry_id>/aside", permission="collect", methods=("POST",))
    def aside(self, entry_id: int) -> Response:
        """Say that a receipt is no repayment."""
        session = tenant_session()
        set_aside(session, signed_in_actor(), entry_id)
        session.commit()
        flash(gettext("Set aside. It stays in the bank statement."), "success")
        return redirect(url_for(".collect"))

    @page("/<int:loan_id>/prepay", permission="prepay", methods=("GET", "POST"))
    def prepay(self, loan_id: int) -> str | Response | tuple[str, int]:
        """Quote and agree a prepayment."""
        session = tenant_session()
        found = loan(session, loan_id)
        form = PrepaymentForm(value_date=business_date(session))
        status = 200
        if form.validate_on_submit():
            try:
                agreed = agree_prepayment(
                    session,
                    signed_in_actor(),
                    loan_id,
                    effect=form.effect.data,
                    amount=form.amount.data,
                    value_date=form.value_date.data,
                )
            except Invalid as error:
                form[error.details["field"]].errors = [error.message]
                status = error.status
            else:
                session.commit()
                message = gettext(
                    "Agreed: exactly %(amount)s yuan by %(day)s.", amount=agreed.amount, day=agreed.value_date
                )
                flash(message, "success")
                return redirect(url_for(".detail", loan_id=loan_id))
        elif form.is_submitted():
            status = 422
        day = _quote_day(form.value_date.data, business_date(session))
        page = render_template(
            "microfinance/prepay.html", form=form, loan=found, quote=quote(session, found, day), quote_day=day
        )
        return page, status

    @page("/work/<int:job_id>", permission="list")
    def work(self, job_id: int) -> str:
        """How far a background job is."""
        return job_page(job_id, back=url_for(".overview"))


def _quote_day(asked: date | None, today: date) -> date:
    return asked if asked is not None and asked >= today else today
