"""The bank's page: accounts, statements, transfers, paying in, faults and settings, without any script."""

from flask import Blueprint, abort, render_template, request
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
from trilend_sandbox.bank.ledger import Movement, entries_before, open_with_balance, pay_in
from trilend_sandbox.bank.money import format_yuan_for_people, parse_yuan
from trilend_sandbox.bank.texts import FAULTS, REFUSALS_IN_ENGLISH, TEXTS
from trilend_sandbox.bank.transfers import count_transfers, settle_waiting, transfers_before
from trilend_sandbox.house.database import Database
from trilend_sandbox.house.errors import Refusal
from trilend_sandbox.house.faults import waiting_faults
from trilend_sandbox.house.pages import Words, date_field, done, field, page_blueprint

NEWEST = 2**62
ACCOUNTS_PER_PAGE = 20
TRANSFERS_PER_PAGE = 15
ENTRIES_PER_PAGE = 50
WORDS = Words(TEXTS, REFUSALS_IN_ENGLISH)


def pages(database: Database) -> Blueprint:
    """The blueprint of the page."""
    blueprint = page_blueprint(__name__, WORDS, database, FAULTS)
    _add_reading_views(blueprint, database)
    _add_acting_views(blueprint, database)
    blueprint.add_app_template_filter(format_yuan_for_people, "yuan")
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
        payer = Party(field("payer_holder"), field("payer"), "他行")
        payee = Party(field("payee_holder"), field("payee"), "他行")
        with database.writing() as connection:
            booked_on = date_field("booked_on") or settings.book_date(connection)
            pay_in(connection, Movement(payer, payee, _amount("amount"), booked_on, field("remark")))
        return done("paid_in")

    @blueprint.post("/accounts")
    def open_one() -> ResponseReturnValue:
        opened = (field("holder"), field("number") or new_number(), field("bank_name"))
        balance_fen = _amount("balance") if field("balance") not in ("", "0") else 0
        with database.writing() as connection:
            open_with_balance(connection, opened, balance_fen, settings.book_date(connection))
        return done("opened")

    @blueprint.post("/settings")
    def change_settings() -> ResponseReturnValue:
        chosen = field("settlement")
        if chosen not in set(settings.Settlement):
            raise Refusal(400, "settlement_unknown", "请选择转账入账方式")
        with database.writing() as connection:
            settings.set_book_date(connection, date_field("book_date"))
            settings.set_settlement(connection, settings.Settlement(chosen))
        return done("saved")

    @blueprint.post("/settle")
    def settle() -> ResponseReturnValue:
        with database.writing() as connection:
            settle_waiting(connection)
        return done("settled")

    @blueprint.errorhandler(Refusal)
    def refused(refusal: Refusal) -> ResponseReturnValue:
        problem = WORDS.problem(refusal)
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
            kinds=FAULTS.kinds,
            endpoints=FAULTS.endpoints,
            clients=registered_clients(connection),
            settlement=settings.settlement(connection).value,
            settlements=[choice.value for choice in settings.Settlement],
            fixed_book_date=settings.fixed_book_date(connection),
            book_date=settings.book_date(connection),
            problem=problem,
            entered=request.form if problem else {},
            form_path=request.path if problem else "",
        )


def _amount(name: str) -> int:
    try:
        amount_fen = parse_yuan(field(name).replace(",", "").replace("，", ""))
    except ValueError:
        amount_fen = 0
    if amount_fen == 0:
        raise Refusal(400, "amount_invalid", "请填写大于零的金额,例如 123.45")
    return amount_fen
