"""The list of loans."""

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, Text, cast, func, select
from sqlalchemy.orm import contains_eager

from trilend.lists.grammar import Badge, Column, Filter, ListOf, declare_list
from trilend.parties.finding import NAME_ALONE, PARTIES
from trilend.parties.models import Party
from trilend.search.service import condition_on
from trilend.web.badges import STATES
from trilend.web.formats import money
from trilend_microfinance.labels import LOAN_STATES
from trilend_microfinance.servicing.finding import LOANS
from trilend_microfinance.servicing.models import Loan, LoanStage

_TIERS = ("pass", "special_mention", "substandard", "doubtful", "loss")
# Loans without a next payment come last by day, and first when it is turned round.
_NEXT = func.coalesce(cast(Loan.next_due_on, Text), "9999", type_=Text)


def _statement() -> Select[Loan]:
    return select(Loan).join(Loan.party)


def _search(entered: str) -> ColumnElement[bool]:
    by_number = condition_on(LOANS.name, Loan.id, entered)
    return by_number | condition_on(PARTIES.name, Loan.party_id, entered)


def _overdue(statement: Select[Loan], _value: str) -> Select[Loan]:
    return statement.where(Loan.days_past_due > 0)


def _next(found: Loan) -> str:
    return money(found.next_due_amount) if found.next_due_on else ""


def _tier(found: Loan) -> Badge | None:
    return Badge(found.tier, STATES[found.tier][1]) if found.state == LoanStage.ACTIVE else None


def _badges(found: Loan) -> list[Badge]:
    return [Badge("failed", _l("Left behind"), "danger")] if found.error else []


ALL = declare_list(
    ListOf(
        name="loans",
        title=_l("Loans"),
        endpoint="LoansView.overview",
        permission=("can_list", "Loans"),
        statement=_statement,
        options=(contains_eager(Loan.party).options(*NAME_ALONE),),
        key=(Loan.id,),
        search=_search,
        search_label=_l("Number, name or pinyin"),
        columns=(
            Column(
                "number",
                _l("Number"),
                lambda found: found.number,
                sort=Loan.number,
                url=lambda found: url_for("LoansView.detail", loan_id=found.id),
            ),
            Column("who", _l("Customer"), lambda found: found.party.name, sort=Party.name_order),
            Column("principal", _l("Principal"), lambda found: found.principal, kind="money", sort=Loan.principal),
            Column(
                "left",
                _l("Outstanding"),
                lambda found: found.principal_outstanding,
                kind="money",
                sort=Loan.principal_outstanding,
            ),
            Column("rate", _l("Annual rate"), lambda found: found.annual_rate, kind="percent", sort=Loan.annual_rate),
            Column("term", _l("Term (months)"), lambda found: found.periods, kind="number", usual=False),
            Column("start", _l("Paid out on"), lambda found: found.start, kind="day", usual=False),
            Column("next", _l("Next payment"), lambda found: found.next_due_on, kind="day", sort=_NEXT, note=_next),
            Column(
                "overdue",
                _l("Overdue"),
                lambda found: found.overdue_total or None,
                kind="money",
                sort=Loan.overdue_total,
            ),
            Column(
                "dpd",
                _l("Days past due"),
                lambda found: found.days_past_due or None,
                kind="number",
                sort=Loan.days_past_due,
            ),
            Column("tier", _l("Tier"), _tier, kind="badge", sort=Loan.tier),
            Column(
                "state",
                _l("State"),
                lambda found: Badge(found.state, LOAN_STATES[found.state]),
                kind="badge",
                sort=Loan.state,
                badges=_badges,
            ),
        ),
        filters=(
            Filter("state", _l("State"), "choice", choices=lambda: list(LOAN_STATES.items()), column=Loan.state),
            Filter("overdue", _l("Past due"), "flag", apply=_overdue),
            Filter(
                "tier",
                _l("Tier"),
                "choice",
                choices=lambda: [(tier, STATES[tier][1]) for tier in _TIERS],
                column=Loan.tier,
            ),
            Filter("principal", _l("Principal"), "amounts", column=Loan.principal),
            Filter("next", _l("Next payment"), "days", column=Loan.next_due_on),
        ),
    )
)
