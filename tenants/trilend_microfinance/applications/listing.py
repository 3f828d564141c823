"""The list of applications, and what can be done with many of them."""

from collections.abc import Sequence

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import contains_eager, joinedload

from trilend.lists.grammar import Badge, BulkAct, Column, Filter, ListOf, declare_list
from trilend.parties.finding import NAME_ALONE, PARTIES
from trilend.parties.models import Party
from trilend.search.service import condition_on
from trilend.tenancy.context import tenant_session
from trilend_microfinance.applications.finding import APPLICATIONS
from trilend_microfinance.applications.models import Application, ApplicationState
from trilend_microfinance.labels import APPLICATION_STATES
from trilend_microfinance.products.models import Product


def _statement() -> Select[Application]:
    return select(Application).join(Application.party)


def _search(entered: str) -> ColumnElement[bool]:
    by_number = condition_on(APPLICATIONS.name, Application.id, entered)
    return by_number | condition_on(PARTIES.name, Application.party_id, entered)


def _products() -> Sequence[tuple[str, str]]:
    rows = tenant_session.execute(select(Product.id, Product.name).order_by(Product.code))
    return [(str(row.id), row.name) for row in rows]


def _of_product(statement: Select[Application], product_id: str) -> Select[Application]:
    return statement.where(Application.product_id == int(product_id))


def _limited(statement: Select[Application], _value: str) -> Select[Application]:
    return statement.where(Application.block_rule != "")


def _badges(found: Application) -> list[Badge]:
    return [Badge("blocked", _l("Limit"), "danger")] if found.block_rule else []


ALL = declare_list(
    ListOf(
        name="applications",
        title=_l("Applications"),
        endpoint="ApplicationsView.overview",
        permission=("can_list", "Applications"),
        statement=_statement,
        options=(contains_eager(Application.party).options(*NAME_ALONE), joinedload(Application.product)),
        key=(Application.id,),
        search=_search,
        search_label=_l("Number, name or pinyin"),
        columns=(
            Column(
                "number",
                _l("Number"),
                lambda found: found.number,
                sort=Application.number,
                url=lambda found: url_for("ApplicationsView.detail", application_id=found.id),
            ),
            Column("who", _l("Customer"), lambda found: found.party.name, sort=Party.name_order),
            Column("amount", _l("Amount (yuan)"), lambda found: found.amount, kind="money", sort=Application.amount),
            Column("term", _l("Term (months)"), lambda found: found.periods, kind="number", sort=Application.periods),
            Column(
                "rate", _l("Annual rate"), lambda found: found.annual_rate, kind="percent", sort=Application.annual_rate
            ),
            Column("product", _l("Product"), lambda found: found.product.name),
            Column("purpose", _l("Purpose"), lambda found: found.purpose, usual=False),
            Column("on", _l("Applied on"), lambda found: found.applied_on, kind="day", sort=Application.applied_on),
            Column("decided", _l("Decided at"), lambda found: found.decided_at, kind="instant", usual=False),
            Column("note", _l("Reason of the decision"), lambda found: found.decision_note, usual=False),
            Column(
                "state",
                _l("State"),
                lambda found: Badge(found.state, APPLICATION_STATES[found.state]),
                kind="badge",
                sort=Application.state,
                badges=_badges,
            ),
        ),
        filters=(
            Filter(
                "state",
                _l("State"),
                "choice",
                choices=lambda: list(APPLICATION_STATES.items()),
                column=Application.state,
            ),
            Filter("product", _l("Product"), "choice", choices=_products, apply=_of_product),
            Filter("amount", _l("Amount (yuan)"), "amounts", column=Application.amount),
            Filter("applied", _l("Applied on"), "days", column=Application.applied_on),
            Filter("limited", _l("Stopped by a limit"), "flag", apply=_limited),
        ),
        acts=(
            BulkAct(
                "approve",
                _l("Approve the chosen"),
                "checks",
                "ApplicationsView.approve_many",
                ("can_decide", "Applications"),
                _l("Approve these applications?"),
                _l(
                    "{count} applications are held against the limits of law one by one and approved in your name. "
                    "What a limit forbids, or you entered yourself, is left undecided and named afterwards."
                ),
                lambda found: found.state == ApplicationState.SUBMITTED,
            ),
            BulkAct(
                "contract",
                _l("Make contracts for the chosen"),
                "signature",
                "ApplicationsView.contract_many",
                ("can_add", "Contracts"),
                _l("Make contracts for these applications?"),
                _l(
                    "For {count} approved applications the contract is made and sealed, and the borrower is sent the link "
                    "to sign. A contract that was sent cannot be taken back here."
                ),
                lambda found: found.state == ApplicationState.APPROVED,
            ),
        ),
    )
)
