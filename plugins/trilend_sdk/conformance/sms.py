"""Conformance of plugins of topic `sms/1`."""

from trilend_sdk.conformance import samples
from trilend_sdk.conformance.bank import read_all
from trilend_sdk.conformance.kit import Bench, Conformance
from trilend_sdk.payload import EffectQuery
from trilend_sdk.sms import API, SmsStatus
from trilend_sdk.values import PageQuery


class SmsConformance(Conformance):
    """Inherit and give a fixture `bench`, which knows template T1 or changes it."""

    api = API
    samples = {"sms_send": samples.text_message}

    def test_sms_send_is_accepted_and_sms_status_knows_it(self, bench: Bench) -> None:
        sent = bench.call("sms_send", message=self.sample(bench, "sms_send", "known"))
        query = EffectQuery(idempotency_key=sent.idempotency_key, reference=sent.reference)
        assert sent.status in (SmsStatus.ACCEPTED, SmsStatus.DELIVERED)
        assert bench.call("sms_status", query=query).found

    def test_sms_templates_come_once_each(self, bench: Bench) -> None:
        bench.need("sms_templates")
        templates = read_all(bench, "sms_templates", PageQuery(limit=1), "templates")
        assert len({template.code for template in templates}) == len(templates) > 0
