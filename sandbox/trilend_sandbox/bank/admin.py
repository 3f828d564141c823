"""The admin API under /admin, open to whoever reaches 127.0.0.1: the sandbox holds no real money and no real data."""

from datetime import date
from typing import Annotated, Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from trilend_sandbox.bank import settings
from trilend_sandbox.bank.accounts import (
    Account,
    Party,
    customer_accounts,
    internal_accounts,
    new_number,
    require_account,
    total_fen,
)
from trilend_sandbox.bank.clients import register_client, registered_clients
from trilend_sandbox.bank.ledger import Movement, entries_after, open_with_balance, pay_in
from trilend_sandbox.bank.money import format_yuan, parse_yuan
from trilend_sandbox.bank.transfers import (
    Transfer,
    count_transfers,
    settle_waiting,
    transfers_before,
    transfers_with_key,
)
from trilend_sandbox.bank.wire import entry_answer
from trilend_sandbox.house.database import Database
from trilend_sandbox.house.errors import Refusal
from trilend_sandbox.house.web import AdminBody, parse

NEWEST = 2**62
MAXIMUM_PAGE = 500

Yuan = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,2})?$")]


class AccountBody(AdminBody):
    """Open an account; without a number the bank gives one."""

    holder: str
    number: str = ""
    bank_name: str = ""
    balance: Yuan = "0"


class ClientBody(AdminBody):
    """Register an API client, or change its key and accounts."""

    client_id: str
    public_key: str
    accounts: tuple[str, ...] = ()


class PartyBody(AdminBody):
    """One side of a payment; holder and bank name are needed only for another bank's account."""

    number: str = Field(pattern=r"^[0-9][0-9-]{5,33}$")
    holder: str = ""
    bank_name: str = "他行"


class PayInBody(AdminBody):
    """Move money between any two accounts, as a customer at the counter would."""

    payer: PartyBody = Field(alias="from")
    payee: PartyBody = Field(alias="to")
    amount: Yuan
    remark: str = Field(default="", max_length=120)
    booked_on: date | None = None


class SettingsBody(AdminBody):
    """Change settings; fields left out stay as they are, an empty book date follows the calendar."""

    book_date: date | None = None
    settlement: settings.Settlement | None = None


def admin_api(database: Database, public_key: str) -> Blueprint:
    """The blueprint of /admin; `public_key` is the one the bank's answers are checked with."""
    blueprint = Blueprint("admin", __name__, url_prefix="/admin")
    _add_account_views(blueprint, database)
    _add_transfer_views(blueprint, database)
    _add_bank_views(blueprint, database, public_key)
    return blueprint


def _add_account_views(blueprint: Blueprint, database: Database) -> None:
    @blueprint.post("/accounts")
    def open_one() -> ResponseReturnValue:
        asked = parse(AccountBody, request.get_data())
        opened = (asked.holder, asked.number or new_number(), asked.bank_name)
        with database.writing() as connection:
            booked_on = settings.book_date(connection)
            account = open_with_balance(connection, opened, parse_yuan(asked.balance), booked_on)
        return jsonify(_account(account)), 201

    @blueprint.get("/accounts")
    def list_accounts() -> ResponseReturnValue:
        with database.reading() as connection:
            customers = customer_accounts(
                connection, request.args.get("search", ""), request.args.get("after", ""), _limit()
            )
            internal = internal_accounts(connection)
            total = total_fen(connection)
        return jsonify(
            accounts=[_account(account) for account in customers],
            internal=[_account(account) for account in internal],
            total=format_yuan(total),
        )

    @blueprint.get("/accounts/<number>")
    def one_account(number: str) -> ResponseReturnValue:
        with database.reading() as connection:
            return jsonify(_account(require_account(connection, number)))

    @blueprint.get("/accounts/<number>/entries")
    def list_entries(number: str) -> ResponseReturnValue:
        after = request.args.get("after", 0, type=int)
        with database.reading() as connection:
            require_account(connection, number)
            found = entries_after(connection, number, after, _limit())
        return jsonify(
            entries=[entry_answer(entry, entry.client_id) for entry in found], after=found[-1].id if found else after
        )

    @blueprint.post("/pay-in")
    def pay_in_one() -> ResponseReturnValue:
        asked = parse(PayInBody, request.get_data())
        amount_fen = parse_yuan(asked.amount)
        if amount_fen == 0:
            raise Refusal(400, "body_invalid", "金额须大于零")
        with database.writing() as connection:
            booked_on = asked.booked_on or settings.book_date(connection)
            pay_in(
                connection,
                Movement(_party(asked.payer), _party(asked.payee), amount_fen, booked_on, asked.remark),
            )
        return jsonify(amount=format_yuan(amount_fen), booked_on=booked_on.isoformat()), 201


def _add_transfer_views(blueprint: Blueprint, database: Database) -> None:
    @blueprint.get("/transfers")
    def list_transfers() -> ResponseReturnValue:
        key = request.args.get("idempotency_key")
        before = request.args.get("before", NEWEST, type=int)
        with database.reading() as connection:
            found = (
                transfers_before(connection, before, _limit()) if key is None else transfers_with_key(connection, key)
            )
            counts = count_transfers(connection)
        return jsonify(transfers=[_transfer(transfer) for transfer in found], count=len(found), counts=counts)

    @blueprint.post("/transfers/settle")
    def settle_all() -> ResponseReturnValue:
        with database.writing() as connection:
            return jsonify(settled=settle_waiting(connection))


def _add_bank_views(blueprint: Blueprint, database: Database, public_key: str) -> None:
    @blueprint.get("/bank")
    def bank() -> ResponseReturnValue:
        with database.reading() as connection:
            return jsonify(
                public_key=public_key,
                book_date=settings.book_date(connection).isoformat(),
                settlement=settings.settlement(connection),
                clients=[
                    {"client_id": client_id, "accounts": accounts}
                    for client_id, accounts in registered_clients(connection)
                ],
            )

    @blueprint.post("/clients")
    def add_client() -> ResponseReturnValue:
        asked = parse(ClientBody, request.get_data())
        with database.writing() as connection:
            register_client(connection, asked.client_id, asked.public_key, asked.accounts)
        return jsonify(client_id=asked.client_id, accounts=list(asked.accounts)), 201

    @blueprint.post("/settings")
    def change_settings() -> ResponseReturnValue:
        asked = parse(SettingsBody, request.get_data())
        with database.writing() as connection:
            if "book_date" in asked.model_fields_set:
                settings.set_book_date(connection, asked.book_date)
            if asked.settlement is not None:
                settings.set_settlement(connection, asked.settlement)
            return jsonify(
                book_date=settings.book_date(connection).isoformat(), settlement=settings.settlement(connection)
            )


def _limit() -> int:
    return min(max(request.args.get("limit", 100, type=int), 1), MAXIMUM_PAGE)


def _party(body: PartyBody) -> Party:
    return Party(body.holder.strip(), body.number, body.bank_name)


def _account(account: Account) -> dict[str, Any]:
    return {
        "number": account.number,
        "holder": account.holder,
        "bank_name": account.bank_name,
        "balance": format_yuan(account.balance_fen),
    }


def _transfer(transfer: Transfer) -> dict[str, Any]:
    order = transfer.order
    return {
        "client_id": order.client_id,
        "idempotency_key": order.idempotency_key,
        "reference": transfer.reference,
        "from": order.payer,
        "to": {"holder": order.payee.holder, "number": order.payee.number, "bank_name": order.payee.bank_name},
        "amount": format_yuan(order.amount_fen),
        "purpose": order.purpose,
        "status": transfer.status,
        "reason": transfer.reason,
        "created_at": transfer.created_at,
    }
