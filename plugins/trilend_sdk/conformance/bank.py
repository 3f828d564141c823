"""Conformance of plugins of topic `bank/1`."""

from typing import Any

import pytest

from trilend_sdk.bank import API, BatchStatus, Direction, ReceiptQuery, StatementQuery, TransferStatus
from trilend_sdk.conformance import samples
from trilend_sdk.conformance.kit import Bench, Conformance, key
from trilend_sdk.payload import EffectQuery


class BankConformance(Conformance):
    """Inherit and give a fixture `bench`; its account must hold enough for what the samples send."""

    api = API
    samples = {
        "bank_transfer": samples.transfer,
        "bank_batch": samples.batch,
        "bank_debit": samples.debit,
        "bank_virtual_open": samples.virtual_account,
        "bank_virtual_close": samples.virtual_account_closure,
    }

    def test_bank_transfer_and_bank_transfer_status_agree(self, bench: Bench) -> None:
        order = self.sample(bench, "bank_transfer", "agree")
        sent = bench.call("bank_transfer", order=order)
        told = bench.call("bank_transfer_status", query=EffectQuery(idempotency_key=order.idempotency_key))
        assert sent.status in (TransferStatus.ACCEPTED, TransferStatus.SETTLED)
        assert told.reference == sent.reference

    def test_bank_statement_gives_each_entry_once_over_all_pages(self, bench: Bench) -> None:
        for word in ("page-1", "page-2", "page-3"):
            bench.call("bank_transfer", order=self.sample(bench, "bank_transfer", word))
        whole = read_all(bench, "bank_statement", StatementQuery(limit=1000), "entries")
        one_by_one = read_all(bench, "bank_statement", StatementQuery(limit=1), "entries")
        assert [entry.entry_id for entry in one_by_one] == [entry.entry_id for entry in whole]
        assert len({entry.entry_id for entry in whole}) == len(whole)

    def test_bank_statement_names_our_own_transfers(self, bench: Bench) -> None:
        order = self.sample(bench, "bank_transfer", "named")
        sent = bench.call("bank_transfer", order=order)
        if sent.status is not TransferStatus.SETTLED:
            pytest.skip("the bank settles later")
        entries = read_all(bench, "bank_statement", StatementQuery(), "entries")
        (entry,) = [each for each in entries if each.idempotency_key == order.idempotency_key]
        assert (entry.amount, entry.direction) == (order.amount, Direction.OUT)

    def test_bank_balance_follows_a_settled_transfer(self, bench: Bench) -> None:
        before = bench.call("bank_balance")
        order = self.sample(bench, "bank_transfer", "balance")
        sent = bench.call("bank_transfer", order=order)
        moved = order.amount if sent.status is TransferStatus.SETTLED else 0
        assert bench.call("bank_balance").booked == before.booked - moved

    def test_bank_batch_and_bank_batch_status_answer_for_each_item(self, bench: Bench) -> None:
        bench.need("bank_batch")
        order = self.sample(bench, "bank_batch", "items")
        bench.call("bank_batch", order=order)
        told = bench.call("bank_batch_status", query=EffectQuery(idempotency_key=order.idempotency_key))
        known = {item.item_id for item in told.items}
        assert known <= {item.item_id for item in order.items}
        assert told.status is not BatchStatus.DONE or len(known) == len(order.items)

    def test_bank_debit_and_bank_debit_status_agree(self, bench: Bench) -> None:
        bench.need("bank_debit")
        order = self.sample(bench, "bank_debit", "debit")
        sent = bench.call("bank_debit", order=order)
        told = bench.call("bank_debit_status", query=EffectQuery(idempotency_key=order.idempotency_key))
        assert told.reference == sent.reference
        assert (told.status is TransferStatus.REJECTED) == (told.failure is not None)

    def test_bank_virtual_open_then_bank_virtual_close(self, bench: Bench) -> None:
        bench.need("bank_virtual_open", "bank_virtual_close")
        from trilend_sdk.bank import VirtualAccountClosure, VirtualAccountStatus

        made = bench.call("bank_virtual_open", order=self.sample(bench, "bank_virtual_open", "life"))
        assert made.account is not None
        closure = VirtualAccountClosure(idempotency_key=key("close", "virtual"), number=made.account.number)
        closed = bench.call("bank_virtual_close", order=closure)
        told = bench.call("bank_virtual_status", query=EffectQuery(idempotency_key=closure.idempotency_key))
        assert closed.status is told.status is VirtualAccountStatus.CLOSED

    def test_bank_virtual_receipts_come_once(self, bench: Bench) -> None:
        bench.need("bank_virtual_receipts")
        receipts = read_all(bench, "bank_virtual_receipts", ReceiptQuery(), "receipts")
        assert len({receipt.receipt_id for receipt in receipts}) == len(receipts)


def read_all(bench: Bench, hook: str, query: Any, field: str) -> list[Any]:
    """Everything that a paged hook gives."""
    found: list[Any] = []
    for _ in range(10_000):
        page = bench.call(hook, query=query)
        found += getattr(page, field)
        if not page.more:
            return found
        query = query.model_copy(update={"cursor": page.cursor})
    raise AssertionError(f"{hook} never ends")
