"""The bank's page: accounts, statements, transfers, paying in, faults and settings, without any script."""

from datetime import date

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from trilend_sandbox.bank import settings
from trilend_sandbox.bank.accounts import (
    Party,
    customer_accounts,
    find_account,
    internal_accounts,
    new_number,
    total_fen,
)
from trilend_sandbox.bank.clients import registered_clients
from trilend_sandbox.bank.database import Database
from trilend_sandbox.bank.errors import Refusal
from trilend_sandbox.bank.faults import ENDPOINTS, Fault, FaultKind, clear_faults, order_fault, waiting_faults
from trilend_sandbox.bank.ledger import Movement, entries_before, open_with_balance, pay_in
from trilend_sandbox.bank.money import format_yuan_for_people, parse_yuan
from trilend_sandbox.bank.texts import LANGUAGES, REFUSALS_IN_ENGLISH, TEXTS, text
from trilend_sandbox.bank.transfers import count_transfers, settle_waiting, transfers_before

NEWEST = 2**62
ACCOUNTS_PER_PAGE = 20
TRANSFERS_PER_PAGE = 15
ENTRIES_PER_PAGE = 50
COOKIE = "sandbox_bank_language"


def pages(database: Database) -> Blueprint:
    """The blueprint of the page."""
    blueprint = Blueprint("pages", __name__)
    _add_reading_views(blueprint, database)
    _add_acting_views(blueprint, database)
    blueprint.context_processor(_words)
    blueprint.add_app_template_filter(format_yuan_for_people, "yuan")
    blueprint.after_request(_remember_language)
    return blueprint


def _add_reading_views(blueprint: Blueprint, database: Database) -> None:
    @blueprint.get("/")
    def home() -> ResponseReturnValue:
        return _home(database)

    @blueprint.get("/statements/<number>")
    def statement(number: str) -> ResponseReturnValue:
        before = request.args.get("before", NEWEST, type=int)
        with database.reading() as connection:
            account = find_account(connection, number)
            if account is None:
                abort(404)
            found = entries_before(connection, number, before, ENTRIES_PER_PAGE + 1)
        return render_template(
            "statement.html",
            account=account,
            entries=found[:ENTRIES_PER_PAGE],
            more=len(found) > ENTRIES_PER_PAGE,
            paged=before != NEWEST,
        )


def _add_acting_views(blueprint: Blueprint, database: Database) -> None:
    @blueprint.post("/pay-in")
    def send() -> ResponseReturnValue:
        payer = Party(_field("payer_holder"), _field("payer"), "他行")
        payee = Party(_field("payee_holder"), _field("payee"), "他行")
        with database.writing() as connection:
            booked_on = _date("booked_on") or settings.book_date(connection)
            pay_in(connection, Movement(payer, payee, _amount("amount"), booked_on, _field("remark")))
        return _done("paid_in")

    @blueprint.post("/accounts")
    def open_one() -> ResponseReturnValue:
        opened = (_field("holder"), _field("number") or new_number(), _field("bank_name"))
        balance_fen = _amount("balance") if _field("balance") not in ("", "0") else 0
        with database.writing() as connection:
            open_with_balance(connection, opened, balance_fen, settings.book_date(connection))
        return _done("opened")

    @blueprint.post("/faults")
    def add_fault() -> ResponseReturnValue:
        fault = Fault(_fault_kind(), _field("endpoint"), _number("seconds"), _number("count"))
        with database.writing() as connection:
            order_fault(connection, fault)
        return _done("fault")

    @blueprint.post("/faults/clear")
    def forget_faults() -> ResponseReturnValue:
        with database.writing() as connection:
            clear_faults(connection)
        return _done("cleared")

    @blueprint.post("/settings")
    def change_settings() -> ResponseReturnValue:
        chosen = _field("settlement")
        if chosen not in set(settings.Settlement):
            raise Refusal(400, "settlement_unknown", "请选择转账入账方式")
        with database.writing() as connection:
            settings.set_book_date(connection, _date("book_date"))
            settings.set_settlement(connection, settings.Settlement(chosen))
        return _done("saved")

    @blueprint.post("/settle")
    def settle() -> ResponseReturnValue:
        with database.writing() as connection:
            settle_waiting(connection)
        return _done("settled")

    @blueprint.errorhandler(Refusal)
    def refused(refusal: Refusal) -> ResponseReturnValue:
        problem = REFUSALS_IN_ENGLISH.get(refusal.code, refusal.message) if _language() == "en" else refusal.message
        return _home(database, problem), refusal.status


def _home(database: Database, problem: str = "") -> str:
    search = request.args.get("search", "").strip()
    before = request.args.get("before", NEWEST, type=int)
    with database.reading() as connection:
        accounts = customer_accounts(connection, search, request.args.get("after", ""), ACCOUNTS_PER_PAGE + 1)
        transfers = transfers_before(connection, before, TRANSFERS_PER_PAGE + 1)
        return render_template(
            "home.html",
            accounts=accounts[:ACCOUNTS_PER_PAGE],
            more_accounts=len(accounts) > ACCOUNTS_PER_PAGE,
            search=search,
            internal=internal_accounts(connection),
            total=total_fen(connection),
            transfers=transfers[:TRANSFERS_PER_PAGE],
            more_transfers=len(transfers) > TRANSFERS_PER_PAGE,
            paged_transfers=before != NEWEST,
            counts=count_transfers(connection),
            faults=waiting_faults(connection),
            kinds=list(FaultKind),
            endpoints=ENDPOINTS,
            clients=registered_clients(connection),
            settlement=settings.settlement(connection).value,
            settlements=[choice.value for choice in settings.Settlement],
            fixed_book_date=settings.fixed_book_date(connection),
            book_date=settings.book_date(connection),
            problem=problem,
            entered=request.form if problem else {},
            form_path=request.path if problem else "",
        )


def _words() -> dict[str, object]:
    language = _language()
    done = f"done_{request.args.get('done', '')}"
    return {
        "language": language,
        "other_language": "zh" if language == "en" else "en",
        "t": lambda name: text(language, name),
        "notice": text(language, done) if done in TEXTS else "",
    }


def _language() -> str:
    chosen = request.args.get("lang") or request.cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else LANGUAGES[0]


def _remember_language(response: Response) -> Response:
    if request.args.get("lang") in LANGUAGES:
        response.set_cookie(COOKIE, _language(), secure=True, httponly=True, samesite="Lax", max_age=31_536_000)
    return response


def _done(what: str) -> ResponseReturnValue:
    return redirect(url_for("pages.home", done=what), 303)


def _field(name: str) -> str:
    return request.form.get(name, "").strip()


def _amount(name: str) -> int:
    try:
        amount_fen = parse_yuan(_field(name).replace(",", "").replace("，", ""))
    except ValueError:
        amount_fen = 0
    if amount_fen == 0:
        raise Refusal(400, "amount_invalid", "请填写大于零的金额,例如 123.45")
    return amount_fen


def _date(name: str) -> date | None:
    value = _field(name)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise Refusal(400, "date_invalid", "请填写日期,例如 2026-08-03") from None


def _number(name: str) -> int:
    value = _field(name)
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else -1


def _fault_kind() -> FaultKind:
    try:
        return FaultKind(_field("kind"))
    except ValueError:
        raise Refusal(400, "kind_unknown", "请选择故障") from None
