"""Conformance of plugins of topic `lender/1`."""

from trilend_sdk.conformance import samples
from trilend_sdk.conformance.kit import Bench, Conformance
from trilend_sdk.lender import API, HandInStatus, ProductQuery, SubmissionStatus
from trilend_sdk.payload import EffectQuery


class LenderConformance(Conformance):
    """Inherit and give a fixture `bench`, whose `payload` names files that supplements and withdrawals are about."""

    api = API
    samples = {
        "lender_submit": samples.submission,
        "lender_supplement": samples.supplement,
        "lender_withdraw": samples.withdrawal,
        "lender_inform": samples.joint_loan,
    }

    def test_lender_products_have_codes_of_their_own(self, bench: Bench) -> None:
        products = bench.call("lender_products", query=ProductQuery()).products
        assert products
        assert len({product.code for product in products}) == len(products)
        assert all(product.minimum_amount <= product.maximum_amount for product in products)

    def test_lender_submit_then_lender_status_and_lender_result_tell_of_one_file(self, bench: Bench) -> None:
        sent = bench.call("lender_submit", submission=self.sample(bench, "lender_submit", "file"))
        query = EffectQuery(idempotency_key=sent.idempotency_key, reference=sent.reference)
        told = bench.call("lender_status", query=query)
        decided = bench.call("lender_result", query=query)
        assert sent.reference == told.reference == decided.reference != ""
        assert decided.status is told.status is not SubmissionStatus.NOT_FOUND

    def test_lender_supplement_arrives_and_lender_supplement_status_says_so(self, bench: Bench) -> None:
        sent = bench.call("lender_supplement", supplement=self.sample(bench, "lender_supplement", "more"))
        told = bench.call("lender_supplement_status", query=EffectQuery(idempotency_key=sent.idempotency_key))
        assert sent.status is told.status is HandInStatus.ACCEPTED

    def test_lender_withdraw_takes_the_file_back(self, bench: Bench) -> None:
        withdrawal = self.sample(bench, "lender_withdraw", "back")
        sent = bench.call("lender_withdraw", withdrawal=withdrawal)
        told = bench.call("lender_withdraw_status", query=EffectQuery(idempotency_key=sent.idempotency_key))
        file = EffectQuery(idempotency_key=withdrawal.submission_key, reference=withdrawal.reference)
        assert sent.status is told.status is HandInStatus.ACCEPTED
        assert bench.call("lender_status", query=file).status is SubmissionStatus.WITHDRAWN

    def test_lender_inform_arrives_and_lender_inform_status_says_so(self, bench: Bench) -> None:
        bench.need("lender_inform")
        sent = bench.call("lender_inform", information=self.sample(bench, "lender_inform", "joint"))
        told = bench.call("lender_inform_status", query=EffectQuery(idempotency_key=sent.idempotency_key))
        assert sent.status is told.status is HandInStatus.ACCEPTED
