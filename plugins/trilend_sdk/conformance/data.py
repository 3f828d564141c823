"""Conformance of plugins of topic `data/1`."""

from trilend_sdk.conformance import samples
from trilend_sdk.conformance.kit import Bench, Conformance
from trilend_sdk.data import API, DataProductQuery, DataStatus
from trilend_sdk.payload import EffectQuery


class DataConformance(Conformance):
    """Inherit and give a fixture `bench`, which knows product D1 or changes it."""

    api = API
    samples = {"data_query": samples.data_query}

    def test_data_products_have_codes_of_their_own(self, bench: Bench) -> None:
        products = bench.call("data_products", query=DataProductQuery()).products
        assert len({product.code for product in products}) == len(products) > 0

    def test_data_query_status_gives_the_answer_again_without_a_new_bill(self, bench: Bench) -> None:
        query = self.sample(bench, "data_query", "again")
        answer = bench.call("data_query", query=query)
        told = bench.call("data_query_status", query=EffectQuery(idempotency_key=query.idempotency_key))
        assert answer.status is not DataStatus.READY or (told.score, told.facts) == (answer.score, answer.facts)
        assert bench.effects("data_query", query.idempotency_key) == 1
