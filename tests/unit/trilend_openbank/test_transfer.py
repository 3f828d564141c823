"""A transfer moves money once, and its errors say truly whether it may have moved."""

import contextlib
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from trilend_sdk import OutcomeUnknown, Retryable, Terminal
from trilend_sdk.bank import BankAccount, TransferStatus

from .conftest import asked


def test_transfer_settles_and_reaches_the_payee(connection, order, payee):
    result = connection.transfer(order)

    assert result.status is TransferStatus.SETTLED
    assert result.idempotency_key == order.idempotency_key
    assert result.reference.startswith("T")
    assert result.reason == ""
    assert connection.balance_at_bank() == "8765.44"
    assert connection.bank.admin.account(payee.number)["balance"] == "1234.56"


def test_transfer_to_another_bank_settles(connection, order):
    abroad = BankAccount(holder="李四", number="6222020200112230000", bank_name="工商银行")

    result = connection.transfer(order.model_copy(update={"payee": abroad}))

    assert result.status is TransferStatus.SETTLED
    assert connection.balance_at_bank() == "8765.44"


def test_same_key_twice_moves_money_once(connection, order):
    first = connection.transfer(order)
    second = connection.transfer(order)

    assert second == first
    assert connection.money_movements(order.idempotency_key) == 1
    assert len(connection.bank.admin.transfers(order.idempotency_key)) == 1
    assert connection.balance_at_bank() == "8765.44"


def test_same_key_for_another_amount_is_refused(connection, order):
    connection.transfer(order)

    with pytest.raises(Terminal) as refused:
        connection.transfer(order.model_copy(update={"amount": Decimal("1.00")}))

    assert refused.value.code == "idempotency_conflict"
    assert connection.balance_at_bank() == "8765.44"


def test_answer_lost_after_execution_is_unknown_then_settled(connection, order):
    connection.bank.admin.order_fault("drop_after", endpoint="transfers")

    with pytest.raises(OutcomeUnknown):
        connection.transfer(order)

    assert connection.transfer_status(asked(order.idempotency_key)).status is TransferStatus.SETTLED
    assert connection.money_movements(order.idempotency_key) == 1


def test_error_before_execution_is_unknown_then_not_found(connection, order):
    connection.bank.admin.order_fault("error_before", endpoint="transfers")

    with pytest.raises(OutcomeUnknown) as unknown:
        connection.transfer(order)

    assert unknown.value.code == "bank_error"
    assert connection.transfer_status(asked(order.idempotency_key)).status is TransferStatus.NOT_FOUND
    assert connection.balance_at_bank() == "10000.00"
    assert connection.transfer(order).status is TransferStatus.SETTLED


@pytest.mark.parametrize("kind", ["malformed", "wrong_signature"])
def test_answer_that_cannot_be_trusted_is_unknown_then_settled(connection, order, kind):
    connection.bank.admin.order_fault(kind, endpoint="transfers")

    with pytest.raises(OutcomeUnknown) as unknown:
        connection.transfer(order)

    assert unknown.value.code == "answer_not_trusted"
    assert connection.log.events == [("openbank.answer_not_trusted", {"path": "/v1/transfers", "status": 200})]
    assert connection.transfer_status(asked(order.idempotency_key)).status is TransferStatus.SETTLED


def test_order_carried_out_twice_by_the_bank_moves_money_once(connection, order):
    connection.bank.admin.order_fault("duplicate", endpoint="transfers")

    assert connection.transfer(order).status is TransferStatus.SETTLED
    assert connection.money_movements(order.idempotency_key) == 1


def test_request_repeated_on_its_way_is_unknown_then_settled(connection, order):
    connection.http.deliveries = 2
    with pytest.raises(OutcomeUnknown) as unknown:
        connection.transfer(order)
    connection.http.deliveries = 1

    assert unknown.value.code == "nonce_seen"
    assert connection.transfer_status(asked(order.idempotency_key)).status is TransferStatus.SETTLED
    assert connection.money_movements(order.idempotency_key) == 1


def test_slow_answer_still_counts(connection, order):
    connection.bank.admin.order_fault("delay", endpoint="transfers", seconds=0.3)

    assert connection.transfer(order).status is TransferStatus.SETTLED


def test_insufficient_balance_is_rejected(connection, order):
    result = connection.transfer(order.model_copy(update={"amount": Decimal("10000.01")}))

    assert (result.status, result.reason) == (TransferStatus.REJECTED, "余额不足")
    assert connection.balance_at_bank() == "10000.00"


def test_wrong_payee_name_is_rejected(connection, order, payee):
    wrong = payee.model_copy(update={"holder": "张叁"})

    result = connection.transfer(order.model_copy(update={"payee": wrong}))

    assert (result.status, result.reason) == (TransferStatus.REJECTED, "户名不符")
    assert connection.transfer_status(asked(order.idempotency_key)) == result
    assert connection.balance_at_bank() == "10000.00"


def test_accepted_transfer_settles_later(connection, order):
    connection.bank.admin.set_settlement("manual")
    try:
        assert connection.transfer(order).status is TransferStatus.ACCEPTED
        assert connection.balance_at_bank() == "10000.00"
        assert connection.bank.admin.settle() == 1
    finally:
        connection.bank.admin.set_settlement("immediate")

    assert connection.transfer(order).status is TransferStatus.SETTLED
    assert connection.money_movements(order.idempotency_key) == 1


@pytest.mark.parametrize("minutes", [-6, 6])
def test_clock_off_by_more_than_five_minutes_is_refused(connection, order, minutes):
    skewed = connection.with_clock(lambda: datetime.now(UTC) + timedelta(minutes=minutes))

    with pytest.raises(Terminal) as refused:
        skewed.transfer(order)

    assert refused.value.code == "clock_skew"
    assert connection.bank.admin.transfers(order.idempotency_key) == []


def test_request_signed_by_another_key_is_refused(connection, order, foreign_key, pem_of):
    with pytest.raises(Terminal) as refused:
        connection.with_secrets(client_private_key=pem_of(foreign_key)).transfer(order)

    assert refused.value.code == "signature_invalid"
    assert connection.bank.admin.transfers(order.idempotency_key) == []


def test_account_of_another_customer_is_refused(connection, order, payee):
    with pytest.raises(Terminal) as refused:
        connection.with_config(account_number=payee.number).transfer(order)

    assert refused.value.code == "account_forbidden"
    assert connection.bank.admin.account(payee.number)["balance"] == "0.00"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"secrets": {}}, "client_private_key_invalid"),
        ({"secrets": {"client_private_key": "no key"}}, "client_private_key_invalid"),
        ({"config": {"bank_public_key": "no key"}}, "bank_public_key_invalid"),
    ],
)
def test_unusable_key_is_told_before_anything_is_sent(connection, order, change, code):
    broken = connection.with_secrets(**change["secrets"]) if "secrets" in change else connection
    broken = broken.with_config(**change.get("config", {}))

    with pytest.raises(Terminal) as refused:
        broken.transfer(order)

    assert refused.value.code == code
    assert connection.http.sent == []


def test_bank_that_is_down_is_retryable_and_keeps_everything(connect, data_dir, bank_process, order):
    bank = bank_process(data_dir)
    connection = connect(bank)
    assert connection.transfer(order).status is TransferStatus.SETTLED
    port = bank.port
    assert bank.kill() == -9

    other = order.model_copy(update={"idempotency_key": "after-the-cut"})
    with pytest.raises(Retryable):
        connection.transfer(other)

    bank_process(data_dir, port)
    assert connection.transfer_status(asked(order.idempotency_key)).status is TransferStatus.SETTLED
    assert connection.transfer_status(asked("after-the-cut")).status is TransferStatus.NOT_FOUND
    assert connection.transfer(order).status is TransferStatus.SETTLED
    assert connection.money_movements(order.idempotency_key) == 1
    assert connection.balance_at_bank() == "8765.44"


def test_replayed_nonce_is_refused_after_a_crash_too(connect, data_dir, bank_process, order):
    bank = bank_process(data_dir)
    connection = connect(bank)
    connection.transfer(order)
    port = bank.port
    bank.kill()
    bank_process(data_dir, port)

    replayed = connection.http.send(connection.http.sent[0])

    assert replayed.status == 401
    assert '"nonce_seen"' in replayed.content.decode()
    assert connection.money_movements(order.idempotency_key) == 1


def test_crash_among_many_transfers_leaves_each_whole(connect, data_dir, bank_process, order):
    bank = bank_process(data_dir)
    connection = connect(bank)
    orders = [order.model_copy(update={"idempotency_key": f"crash-{number:04d}"}) for number in range(6)]
    cut = threading.Timer(0.15, bank.kill)
    cut.start()
    for each in orders:
        with contextlib.suppress(Retryable, OutcomeUnknown):
            connection.transfer(each)
    cut.join()

    again = bank_process(data_dir, bank.port)
    for each in orders:
        said = connection.transfer_status(asked(each.idempotency_key)).status
        assert connection.money_movements(each.idempotency_key) == (1 if said is TransferStatus.SETTLED else 0)
        connection.transfer(each)

    assert [connection.money_movements(each.idempotency_key) for each in orders] == [1] * 6
    assert again.admin.accounts()["total"] == "0.00"
    assert connection.balance_at_bank() == "2592.64"
