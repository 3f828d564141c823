"""Conformance of plugins of topic `finance/1`."""

from trilend_sdk.conformance import samples
from trilend_sdk.conformance.bank import read_all
from trilend_sdk.conformance.kit import Bench, Conformance
from trilend_sdk.finance import API, AccountsQuery, PostingStatus, VoucherQuery
from trilend_sdk.payload import EffectQuery


class FinanceConformance(Conformance):
    """Inherit and give a fixture `bench`; its books must have accounts 1002 and 1303 or `payload` must change them."""

    api = API
    samples = {"finance_post": samples.vouchers}

    def test_finance_accounts_come_once_each(self, bench: Bench) -> None:
        whole = read_all(bench, "finance_accounts", AccountsQuery(), "accounts")
        one_by_one = read_all(bench, "finance_accounts", AccountsQuery(limit=1), "accounts")
        assert [account.code for account in one_by_one] == [account.code for account in whole]
        assert len({account.code for account in whole}) == len(whole) > 0

    def test_finance_post_can_be_read_back_by_finance_vouchers(self, bench: Bench) -> None:
        batch = self.sample(bench, "finance_post", "back")
        posted = bench.call("finance_post", batch=batch)
        told = bench.call("finance_post_status", query=EffectQuery(idempotency_key=batch.idempotency_key))
        (voucher,) = batch.vouchers
        day, keys = voucher.posted_on, (voucher.idempotency_key,)
        read = read_all(bench, "finance_vouchers", VoucherQuery(from_date=day, to_date=day, keys=keys), "vouchers")
        (mine,) = [each for each in read if each.idempotency_key == voucher.idempotency_key]
        assert posted.status is told.status is PostingStatus.POSTED
        assert [(line.account, line.debit, line.credit) for line in mine.lines] == [
            (line.account, line.debit, line.credit) for line in voucher.lines
        ]
        assert mine.number == posted.vouchers[0].number == told.vouchers[0].number

    def test_finance_import_file_posts_nothing(self, bench: Bench) -> None:
        bench.need("finance_import_file")
        batch = self.sample(bench, "finance_post", "file")
        made = bench.call("finance_import_file", batch=batch)
        assert made.content
        assert bench.effects("finance_post", batch.idempotency_key) == 0
