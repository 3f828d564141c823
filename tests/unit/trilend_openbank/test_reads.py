"""Status, statement, balance and connection test: reading never leaves doubt about money."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from trilend_openbank import PLUGIN
from trilend_sdk import Retryable, Terminal
from trilend_sdk.bank import BankAccount, Direction, StatementQuery

from .conftest import asked

READS = [
    ("transfers/query", "transfer_status", (asked("some-unknown-key"),)),
    ("statements", "statement", (StatementQuery(),)),
    ("balances", "balance", ()),
]


def all_pages(connection, limit):
    """Every entry over all pages, until the bank says that none waits."""
    entries, cursor, more = [], "", True
    while more:
        page = connection.statement(StatementQuery(cursor=cursor, limit=limit))
        entries, cursor, more = [*entries, *page.entries], page.cursor, page.more
    return entries, cursor


def repay(connection, amount, remark="还款"):
    borrower = {"number": "6222020200112230000", "holder": "李四", "bank_name": "工商银行"}
    connection.bank.admin.pay_in(borrower, {"number": connection.account}, amount, remark)


def test_statement_shows_what_came_in_and_what_went_out(connection, order, payee):
    connection.bank.admin.set_book_date(date(2031, 2, 28))
    try:
        connection.transfer(order)
        repay(connection, "100.05", "LN-1 第1期")
    finally:
        connection.bank.admin.set_book_date(None)

    (opening, paid, repaid), _ = all_pages(connection, 1000)

    assert (opening.direction, opening.amount, opening.balance) == (Direction.IN, Decimal("10000.00"), 10000)
    assert (paid.direction, paid.amount, paid.balance) == (Direction.OUT, Decimal("1234.56"), Decimal("8765.44"))
    assert paid.counterparty == payee
    assert paid.idempotency_key == order.idempotency_key
    assert paid.booked_on == date(2031, 2, 28)
    assert abs(paid.booked_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert (repaid.direction, repaid.amount, repaid.balance) == (Direction.IN, Decimal("100.05"), Decimal("8865.49"))
    assert repaid.counterparty == BankAccount(holder="李四", number="6222020200112230000", bank_name="工商银行")
    assert (repaid.remark, repaid.idempotency_key) == ("LN-1 第1期", "")


def test_every_entry_comes_once_while_others_are_booked(connection):
    amounts = [f"{number}.00" for number in range(1, 31)]
    writer = threading.Thread(target=lambda: [repay(connection, amount) for amount in amounts])
    writer.start()
    seen, cursor = [], ""
    while writer.is_alive() or len(seen) < 31:
        page = connection.statement(StatementQuery(cursor=cursor, limit=4))
        seen, cursor = [*seen, *page.entries], page.cursor
    writer.join()

    assert [entry.amount for entry in seen] == [10000, *range(1, 31)]
    assert len({entry.entry_id for entry in seen}) == 31
    assert connection.statement(StatementQuery(cursor=cursor)).entries == ()


def test_entries_the_bank_sends_twice_are_kept_once(connection):
    repay(connection, "1.00")
    connection.bank.admin.order_fault("duplicate", endpoint="statements")

    page = connection.statement(StatementQuery())

    assert [entry.amount for entry in page.entries] == [10000, 1]


def test_empty_page_keeps_the_cursor(connection):
    _, cursor = all_pages(connection, 1)

    page = connection.statement(StatementQuery(cursor=cursor))

    assert (page.entries, page.cursor, page.more) == ((), cursor, False)


def test_balance_is_the_booked_one(connection, order):
    connection.transfer(order)

    balance = connection.balance()

    assert balance.booked == Decimal("8765.44")
    assert (balance.account.holder, balance.account.number) == ("江南小额贷款有限公司", connection.account)


@pytest.mark.parametrize(("endpoint", "hook", "values"), READS)
@pytest.mark.parametrize("kind", ["error_before", "drop_after", "malformed", "wrong_signature"])
def test_failed_read_is_retryable_and_then_works(connection, endpoint, hook, values, kind):
    connection.bank.admin.order_fault(kind, endpoint=endpoint)

    with pytest.raises(Retryable):
        getattr(connection, hook)(*values)

    getattr(connection, hook)(*values)
    assert connection.bank.admin.faults() == []


@pytest.mark.parametrize(("endpoint", "hook", "values"), READS[1:])
def test_reading_the_account_of_another_customer_is_refused(connection, payee, endpoint, hook, values):
    with pytest.raises(Terminal) as refused:
        getattr(connection.with_config(account_number=payee.number), hook)(*values)

    assert refused.value.code == "account_forbidden"


def test_keys_of_orders_belong_to_the_client_that_gave_them(connection, order, foreign_key, pem_of, public_pem_of):
    connection.transfer(order)
    connection.bank.admin.register_client("somebody-else", public_pem_of(foreign_key), [connection.account])
    other = connection.with_config(client_id="somebody-else").with_secrets(client_private_key=pem_of(foreign_key))

    entries, _ = all_pages(other, 1000)

    assert [entry.idempotency_key for entry in entries] == ["", ""]
    assert other.transfer_status(asked(order.idempotency_key)).status == "not_found"


def test_check_finds_nothing_wrong(connection):
    result = connection.check()

    assert result.ok
    assert connection.account not in result.message
    assert connection.account[-4:] in result.message


def test_check_tells_a_wrong_name(connection):
    result = connection.with_config(account_holder="江北小额贷款有限公司").check()

    assert (result.ok, result.message) == (False, "连接正常,但账户户名与银行登记的户名不一致,请更正。")


def test_check_tells_what_the_bank_refused(connection):
    result = connection.with_config(client_id="nobody").check()

    assert (result.ok, result.message) == (False, "银行拒绝:客户端未登记")


def test_server_of_another_authority_is_not_spoken_to(connection, data_dir, bank_process):
    other = bank_process(data_dir)

    with pytest.raises(Retryable):
        connection.with_config(trust_pem=other.ca_pem.read_text()).balance()


def test_plugin_keeps_no_state():
    assert vars(PLUGIN) == {}


def test_pages_are_full_and_say_whether_more_waits(connection):
    for amount in ("1.00", "2.00", "3.00"):
        repay(connection, amount)

    first = connection.statement(StatementQuery(limit=3))
    second = connection.statement(StatementQuery(cursor=first.cursor, limit=3))

    assert ([entry.amount for entry in first.entries], first.more) == ([10000, 1, 2], True)
    assert ([entry.amount for entry in second.entries], second.more) == ([3], False)
