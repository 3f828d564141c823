"""The microfinance kind as the platform sees it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from flask_babel import lazy_gettext as _l
from sqlalchemy import Table

from trilend.kinds import (
    AUTHORISATION_LETTER,
    BUSINESS_LICENCE,
    LEGAL_REPRESENTATIVE_ID,
    MenuEntry,
    MenuGroup,
    PaperKind,
    Role,
    SeparatedDuties,
    SubjectPage,
    TenantKind,
)
from trilend.payments.labels import INSTRUCTION_STATES
from trilend_microfinance.applications.models import Application
from trilend_microfinance.events import EVENTS
from trilend_microfinance.importing.models import ImportBatch
from trilend_microfinance.labels import APPLICATION_STATES, LOAN_STATES
from trilend_microfinance.products.models import Product
from trilend_microfinance.seeds import seeds
from trilend_microfinance.servicing.models import Loan, LoanEvent, PrepaymentAgreement

_HERE = Path(__file__).parent
_READ = ("can_list", "can_show")

ROLES = (
    Role(
        "Officer",
        _l("Loan officer"),
        {
            "Parties": (*_READ, "can_add", "can_reveal"),
            "Products": ("can_list",),
            "Applications": (*_READ, "can_add", "can_import"),
            "Contracts": ("can_show", "can_add"),
            "Loans": (*_READ, "can_prepay"),
            "MyPassword": ("*",),
        },
        scope="subtree",
    ),
    Role(
        "Approver",
        _l("Approver"),
        {
            "Parties": (*_READ, "can_reveal"),
            "Products": ("can_list",),
            "Applications": (*_READ, "can_decide"),
            "Contracts": ("can_show",),
            "Loans": _READ,
            "MyPassword": ("*",),
        },
    ),
    Role(
        "Cashier",
        _l("Cashier"),
        {
            "Parties": (*_READ, "can_see_account"),
            "Contracts": ("can_show",),
            "Loans": (*_READ, "can_disburse", "can_collect"),
            "Statements": ("*",),
            "Books": ("*",),
            "MyPassword": ("*",),
        },
    ),
    Role(
        "Auditor",
        _l("Auditor (reads everything)"),
        {
            "Parties": _READ,
            "Products": ("can_list",),
            "Applications": _READ,
            "Contracts": ("can_show",),
            "Loans": _READ,
            "Statements": ("*",),
            "Books": ("*",),
            "Parameters": ("can_list",),
            "AuditLog": ("*",),
            "KeptFiles": ("can_list",),
            "MyPassword": ("*",),
        },
    ),
)

MONEY_RIGHTS = frozenset(
    {
        ("can_decide", "Applications"),
        ("can_disburse", "Loans"),
        ("can_collect", "Loans"),
        ("can_prepay", "Loans"),
        ("can_edit", "Connections"),
    }
)

SEPARATED = (
    SeparatedDuties(
        "enter_and_decide",
        ("can_add", "Applications"),
        ("can_decide", "Applications"),
        _l("Nobody decides an application that he or she has entered."),
    ),
    SeparatedDuties(
        "decide_and_pay_out",
        ("can_decide", "Applications"),
        ("can_disburse", "Loans"),
        _l("Nobody pays out a loan that he or she has approved."),
        exclusive=True,
    ),
)

MENU = (
    MenuGroup(
        _l("Lending"),
        (
            MenuEntry(_l("Customers"), "PartiesView.overview", "users", ("can_list", "Parties")),
            MenuEntry(_l("Applications"), "ApplicationsView.overview", "file-text", ("can_list", "Applications")),
            MenuEntry(_l("Loans"), "LoansView.overview", "cash", ("can_list", "Loans")),
            MenuEntry(_l("Products"), "ProductsView.overview", "package", ("can_list", "Products")),
        ),
    ),
)


def _views() -> Sequence[type]:
    from trilend_microfinance.applications.views import ApplicationsView
    from trilend_microfinance.contracts.views import ContractsView
    from trilend_microfinance.importing.views import ImportsView
    from trilend_microfinance.products.views import ProductsView
    from trilend_microfinance.servicing.views import LoansView

    return (ProductsView, ApplicationsView, ContractsView, ImportsView, LoansView)


def _api() -> Sequence[Any]:
    from trilend_microfinance.api import RESOURCES

    return RESOURCES


def _load_jobs() -> None:
    from trilend_microfinance.applications import tasks as _applications  # noqa: F401
    from trilend_microfinance.disbursement import service as _disbursement  # noqa: F401
    from trilend_microfinance.importing import service as _importing  # noqa: F401
    from trilend_microfinance.repayments import service as _repayments  # noqa: F401


def _close_day(*args: Any) -> Any:
    from trilend_microfinance.end_of_day.service import close_day

    return close_day(*args)


def _import_applications(*args: Any) -> Any:
    from trilend_microfinance.importing.service import import_applications

    return import_applications(*args)


def _overview(session: Any) -> dict[str, Any]:
    from trilend_microfinance.overview import overview

    return overview(session)


def _demo(*args: Any) -> None:
    from trilend_microfinance.demonstration.service import load_demo

    load_demo(*args)


KIND = TenantKind(
    name="microfinance",
    rank=1,
    label=_l("Microfinance company"),
    summary=_l("Lends its own capital: applications, approval, contracts, disbursement, repayment and end of day."),
    points=(
        _l("Five repayment methods, exact to the cent"),
        _l("Limits of law and cost ceiling checked before approval"),
        _l("Balanced journals at every step"),
    ),
    icon="cash",
    tables=tuple(
        cast(Table, model.__table__)
        for model in (Product, Application, Loan, LoanEvent, PrepaymentAgreement, ImportBatch)
    ),
    views=_views,
    api=_api,
    menu=MENU,
    roles=ROLES,
    money_rights=MONEY_RIGHTS,
    separated=SEPARATED,
    seeds=seeds,
    load_jobs=_load_jobs,
    papers=(
        BUSINESS_LICENCE,
        PaperKind(
            "operating_permit",
            _l("Microfinance operating permit"),
            _l("Issued or approved by the financial authority of the province"),
            _l("Company name on the permit"),
            _l("Number of the permit"),
            frozenset({"company"}),
        ),
        LEGAL_REPRESENTATIVE_ID,
        AUTHORISATION_LETTER,
    ),
    translations=_HERE / "translations",
    revisions=_HERE / "revisions",
    templates=_HERE / "templates",
    subjects={
        "loan_application": SubjectPage("ApplicationsView.detail", "application_id"),
        "loan": SubjectPage("LoansView.detail", "loan_id"),
        "product": None,
    },
    events=EVENTS,
    importers={"applications": _import_applications},
    end_of_day=_close_day,
    template_names={
        "application_state": APPLICATION_STATES.__getitem__,
        "loan_state": LOAN_STATES.__getitem__,
        "instruction_state": INSTRUCTION_STATES.__getitem__,
    },
    home="microfinance/home.html",
    overview=_overview,
    load_demo=_demo,
)
