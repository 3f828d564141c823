"""Conformance of plugins of topic `office/1`."""

import pytest

from trilend_sdk.conformance import samples
from trilend_sdk.conformance.bank import read_all
from trilend_sdk.conformance.kit import Bench, Conformance
from trilend_sdk.errors import OutcomeUnknown
from trilend_sdk.office import API, ApprovalStatus, PeopleQuery
from trilend_sdk.payload import EffectQuery
from trilend_sdk.values import PageQuery


class OfficeConformance(Conformance):
    """Inherit and give a fixture `bench`, whose `payload` names the approval that a withdrawal is about."""

    api = API
    samples = {
        "office_message": samples.message,
        "office_approval_start": samples.approval,
        "office_approval_withdraw": samples.approval_withdrawal,
    }

    def test_office_message_status_tells_or_says_that_it_cannot(self, bench: Bench) -> None:
        sent = bench.call("office_message", message=self.sample(bench, "office_message", "tell"))
        query = EffectQuery(idempotency_key=sent.idempotency_key, reference=sent.reference)
        try:
            found = bench.call("office_message_status", query=query).found
        except OutcomeUnknown:
            pytest.skip("the software cannot tell")
        assert found

    def test_office_approval_start_waits_and_office_approval_withdraw_ends_it(self, bench: Bench) -> None:
        bench.need("office_approval_start", "office_approval_withdraw")
        withdrawal = self.sample(bench, "office_approval_withdraw", "end")
        ended = bench.call("office_approval_withdraw", withdrawal=withdrawal)
        query = EffectQuery(idempotency_key=withdrawal.idempotency_key, reference=withdrawal.reference)
        told = bench.call("office_approval_withdraw_status", query=query)
        assert ended.status is told.status is ApprovalStatus.WITHDRAWN

    def test_office_approval_status_knows_a_pending_approval(self, bench: Bench) -> None:
        bench.need("office_approval_start")
        started = bench.call("office_approval_start", approval=self.sample(bench, "office_approval_start", "wait"))
        query = EffectQuery(idempotency_key=started.idempotency_key, reference=started.reference)
        assert bench.call("office_approval_status", query=query).status is ApprovalStatus.PENDING

    def test_office_departments_have_their_parents_before_them(self, bench: Bench) -> None:
        bench.need("office_departments")
        seen = {""}
        for department in read_all(bench, "office_departments", PageQuery(limit=1), "departments"):
            assert department.parent_id in seen
            assert department.department_id not in seen
            seen.add(department.department_id)
        assert len(seen) > 1

    def test_office_people_come_once_each(self, bench: Bench) -> None:
        bench.need("office_people")
        whole = read_all(bench, "office_people", PeopleQuery(), "people")
        one_by_one = read_all(bench, "office_people", PeopleQuery(limit=1), "people")
        assert [person.person_id for person in one_by_one] == [person.person_id for person in whole]
        assert len({person.person_id for person in whole}) == len(whole) > 0
