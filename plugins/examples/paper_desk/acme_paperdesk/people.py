"""Topics `office/1`, `sms/1` and `events/1` on paper."""

from acme_paperdesk.drawer import once, page, recall, stamped
from trilend_sdk import CallbackRequest, CheckResult, EffectQuery, PluginContext, hookimpl
from trilend_sdk.events import Delivery, DomainEvent
from trilend_sdk.office import (
    ApprovalResult,
    ApprovalStart,
    ApprovalStatus,
    ApprovalWithdrawal,
    Department,
    DepartmentPage,
    DirectoryPerson,
    MessageResult,
    MessageStatus,
    OfficeCallback,
    OfficeEvent,
    OfficeMessage,
    PeoplePage,
    PeopleQuery,
)
from trilend_sdk.sms import SmsCallback, SmsEvent, SmsMessage, SmsResult, SmsStatus, SmsTemplate, TemplatePage
from trilend_sdk.values import PageQuery

DEPARTMENTS = [Department(department_id="1", name="公司"), Department(department_id="2", name="风控部", parent_id="1")]
PEOPLE = [
    DirectoryPerson(person_id="u1", name="李四", department_ids=("2",)),
    DirectoryPerson(person_id="u2", name="王五", department_ids=("1",)),
]


class People:
    """The hooks of `office/1`, `sms/1` and `events/1`."""

    @hookimpl
    def office_check(self) -> CheckResult:
        """The notice board hangs."""
        return CheckResult(ok=True, message="The notice board hangs.")

    @hookimpl
    def office_message(self, context: PluginContext, message: OfficeMessage) -> MessageResult:
        """A notice is pinned up once."""
        return once(
            context,
            "office_message",
            message.idempotency_key,
            lambda reference: MessageResult(
                idempotency_key=message.idempotency_key, reference=reference, status=MessageStatus.SENT
            ),
        )

    @hookimpl
    def office_message_status(self, context: PluginContext, query: EffectQuery) -> MessageResult:
        """Whether it hangs."""
        nothing = MessageResult(idempotency_key=query.idempotency_key, status=MessageStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, MessageResult) or nothing

    @hookimpl
    def office_approval_start(self, context: PluginContext, approval: ApprovalStart) -> ApprovalResult:
        """The slip goes round and waits."""
        return once(
            context,
            "office_approval_start",
            approval.idempotency_key,
            lambda reference: ApprovalResult(
                idempotency_key=approval.idempotency_key, reference=reference, status=ApprovalStatus.PENDING
            ),
        )

    @hookimpl
    def office_approval_status(self, context: PluginContext, query: EffectQuery) -> ApprovalResult:
        """Where the slip is."""
        return _approval(context, query)

    @hookimpl
    def office_approval_withdraw(self, context: PluginContext, withdrawal: ApprovalWithdrawal) -> ApprovalResult:
        """The slip is taken back."""
        return once(
            context,
            "office_approval_withdraw",
            withdrawal.idempotency_key,
            lambda reference: ApprovalResult(
                idempotency_key=withdrawal.idempotency_key, reference=reference, status=ApprovalStatus.WITHDRAWN
            ),
        )

    @hookimpl
    def office_approval_withdraw_status(self, context: PluginContext, query: EffectQuery) -> ApprovalResult:
        """Whether it was taken back."""
        return _approval(context, query)

    @hookimpl
    def office_departments(self, query: PageQuery) -> DepartmentPage:
        """Two departments."""
        departments, cursor, more = page(DEPARTMENTS, query.cursor, query.limit)
        return DepartmentPage(departments=departments, cursor=cursor, more=more)

    @hookimpl
    def office_people(self, query: PeopleQuery) -> PeoplePage:
        """Two people."""
        fitting = [each for each in PEOPLE if query.department_id in ("", *each.department_ids)]
        people, cursor, more = page(fitting, query.cursor, query.limit)
        return PeoplePage(people=people, cursor=cursor, more=more)

    @hookimpl
    def office_callback(self, context: PluginContext, request: CallbackRequest) -> OfficeCallback:
        """The stamp is checked before anything is read."""
        return OfficeCallback(events=(OfficeEvent.model_validate_json(stamped(context, request)),))

    @hookimpl
    def sms_check(self) -> CheckResult:
        """There is a stamp for letters."""
        return CheckResult(ok=True, message="Letters can be sent.")

    @hookimpl
    def sms_send(self, context: PluginContext, message: SmsMessage) -> SmsResult:
        """A letter is posted once."""
        return once(
            context,
            "sms_send",
            message.idempotency_key,
            lambda reference: SmsResult(
                idempotency_key=message.idempotency_key, reference=reference, status=SmsStatus.ACCEPTED, parts=1
            ),
        )

    @hookimpl
    def sms_status(self, context: PluginContext, query: EffectQuery) -> SmsResult:
        """Whether it was posted."""
        nothing = SmsResult(idempotency_key=query.idempotency_key, status=SmsStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, SmsResult) or nothing

    @hookimpl
    def sms_templates(self, query: PageQuery) -> TemplatePage:
        """One template."""
        template = SmsTemplate(code="T1", text="您的验证码是${code}", signature="信诚小贷", approved=True)
        templates, cursor, more = page([template], query.cursor, query.limit)
        return TemplatePage(templates=templates, cursor=cursor, more=more)

    @hookimpl
    def sms_callback(self, context: PluginContext, request: CallbackRequest) -> SmsCallback:
        """The stamp is checked before anything is read."""
        return SmsCallback(events=(SmsEvent.model_validate_json(stamped(context, request)),))

    @hookimpl
    def events_check(self) -> CheckResult:
        """The diary is there."""
        return CheckResult(ok=True, message="The diary is there.")

    @hookimpl
    def events_deliver(self, context: PluginContext, event: DomainEvent) -> Delivery:
        """Only loans are of interest, and each event is written into the diary once: the same may come again."""
        used = event.kind.startswith("loan.")
        if used and context.store.add(f"event {event.event_id}", b"seen"):
            context.store.put(f"done events_deliver {event.event_id}", b"1")
        return Delivery(event_id=event.event_id, used=used)


def _approval(context: PluginContext, query: EffectQuery) -> ApprovalResult:
    nothing = ApprovalResult(idempotency_key=query.idempotency_key, status=ApprovalStatus.NOT_FOUND)
    return recall(context, query.idempotency_key, ApprovalResult) or nothing
