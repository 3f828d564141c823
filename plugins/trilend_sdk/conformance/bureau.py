"""Conformance of plugins of topic `bureau/1`."""

import pytest

from trilend_sdk.bureau import API, ReportStatus
from trilend_sdk.conformance import samples
from trilend_sdk.conformance.kit import Bench, Conformance
from trilend_sdk.payload import EffectQuery


class BureauConformance(Conformance):
    """Inherit and give a fixture `bench`."""

    api = API
    samples = {
        "bureau_query_person": samples.person_query,
        "bureau_query_enterprise": samples.enterprise_query,
        "bureau_report": samples.monthly_report,
    }

    @pytest.mark.parametrize("hook", ["bureau_query_person", "bureau_query_enterprise"])
    def test_bureau_query_status_gives_the_report_again_without_a_new_trace(self, bench: Bench, hook: str) -> None:
        query = self.sample(bench, hook, "again")
        report = bench.call(hook, query=query)
        told = bench.call("bureau_query_status", query=EffectQuery(idempotency_key=query.idempotency_key))
        assert told.status in (ReportStatus.READY, ReportStatus.PENDING, ReportStatus.NO_RECORD)
        assert report.status is not ReportStatus.READY or (told.raw == report.raw != b"")
        assert bench.effects(hook, query.idempotency_key) == 1

    def test_bureau_report_and_bureau_report_status_account_for_each_item(self, bench: Bench) -> None:
        bench.need("bureau_report")
        report = self.sample(bench, "bureau_report", "month")
        bench.call("bureau_report", report=report)
        told = bench.call("bureau_report_status", query=EffectQuery(idempotency_key=report.idempotency_key))
        assert {reject.item_id for reject in told.rejects} <= {item.item_id for item in report.items}
        assert told.accepted + len({reject.item_id for reject in told.rejects}) in (0, len(report.items))
