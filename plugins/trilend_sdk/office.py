"""Topic `office/1`: messages to staff, approvals in their office software, and its directory."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from trilend_sdk.context import PluginContext
from trilend_sdk.hooks import Kind, hookspec
from trilend_sdk.payload import (
    CallbackAnswer,
    CallbackEvent,
    CallbackRequest,
    CheckResult,
    Confidential,
    Effect,
    EffectQuery,
    EffectResult,
    Mobile,
    Payload,
    PersonName,
)
from trilend_sdk.values import DocumentRef, Page, PageQuery

API = "office/1"


class MessageKind(StrEnum):
    """How a message is shown: plain text, Markdown, or a card with facts and buttons."""

    TEXT = "text"
    MARKDOWN = "markdown"
    CARD = "card"


class CardFact(Payload):
    """A line of a card: label and value."""

    label: str
    value: Confidential


class CardButton(Payload):
    """A button of a card that opens an https address."""

    label: str
    url: str = Field(pattern=r"^https?://")


class OfficeMessage(Effect):
    """A message to people of the directory, or to the group of the connection's robot when `people` is empty."""

    kind: MessageKind = MessageKind.TEXT
    title: str = Field(min_length=1, max_length=128)
    text: Confidential = ""
    people: tuple[str, ...] = Field(default=(), max_length=500)
    mention_all: bool = False
    facts: tuple[CardFact, ...] = ()
    buttons: tuple[CardButton, ...] = Field(default=(), max_length=5)


class MessageStatus(StrEnum):
    """Where a message stands."""

    SENT = "sent"
    DELIVERED = "delivered"
    REFUSED = "refused"
    NOT_FOUND = "not_found"


class MessageResult(EffectResult):
    """The office software's word on a message; `unreachable` are people it knows nothing of."""

    status: MessageStatus
    unreachable: tuple[str, ...] = ()


class ApprovalField(Payload):
    """A filled field of an approval form, by the label that its template has."""

    label: str
    value: Confidential


class ApprovalStart(Effect):
    """Start an approval instance of a template; `approvers` in order, where the template leaves them open."""

    template: str = Field(min_length=1, max_length=100)
    title: str = Field(min_length=1, max_length=128)
    originator: str = Field(min_length=1, max_length=64)
    department: str = ""
    fields: tuple[ApprovalField, ...] = ()
    approvers: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    documents: tuple[DocumentRef, ...] = ()


class ApprovalStatus(StrEnum):
    """Where an approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    NOT_FOUND = "not_found"


class ApprovalStep(Payload):
    """What one person did in an approval."""

    person: str
    decision: str
    opinion: Confidential = ""
    at: AwareDatetime


class ApprovalResult(EffectResult):
    """An approval as the office software keeps it; `url` shows it there."""

    status: ApprovalStatus
    steps: tuple[ApprovalStep, ...] = ()
    ended_at: AwareDatetime | None = None
    url: str = ""


class ApprovalWithdrawal(Effect):
    """Take a pending approval back; `reference` is the office software's."""

    reference: str
    operator: str
    reason: str = ""


class Department(Payload):
    """A department; `parent_id` is empty at the top."""

    department_id: str
    name: str
    parent_id: str = ""
    order: int = 0


class DepartmentPage(Page):
    """Departments, parents before children."""

    departments: tuple[Department, ...]


class DirectoryPerson(Payload):
    """A member of staff; one who has left is `active` false or absent."""

    person_id: str
    name: PersonName
    department_ids: tuple[str, ...] = ()
    title: str = ""
    mobile: Mobile | None = None
    email: str = ""
    active: bool = True


class PeopleQuery(PageQuery):
    """Ask for the people of a department (empty: of all)."""

    department_id: str = ""


class PeoplePage(Page):
    """People, each once over all pages."""

    people: tuple[DirectoryPerson, ...]


class OfficeEvent(CallbackEvent):
    """What the office software told by itself: an approval moved on, a message arrived, the directory changed."""

    approval: ApprovalResult | None = None
    message: MessageResult | None = None
    directory_changed: bool | None = None


class OfficeCallback(Payload):
    """The events of a call-back whose signature is right, and the answer (also to a first challenge)."""

    events: tuple[OfficeEvent, ...] = ()
    answer: CallbackAnswer = CallbackAnswer()


class OfficeHooks:
    """Hooks of topic `office/1`."""

    @hookspec(deadline=15.0)
    def office_check(self, context: PluginContext) -> CheckResult:
        """Test the connection without sending anything."""
        raise TypeError

    @hookspec(effect="office_message_status")
    def office_message(self, context: PluginContext, message: OfficeMessage) -> MessageResult:
        """Send a message to staff."""
        raise TypeError

    @hookspec()
    def office_message_status(self, context: PluginContext, query: EffectQuery) -> MessageResult:
        """Tell what became of a message; raises `OutcomeUnknown` where the software cannot tell."""
        raise TypeError

    @hookspec(effect="office_approval_status", optional=True, deadline=60.0)
    def office_approval_start(self, context: PluginContext, approval: ApprovalStart) -> ApprovalResult:
        """Start an approval instance."""
        raise TypeError

    @hookspec(optional=True)
    def office_approval_status(self, context: PluginContext, query: EffectQuery) -> ApprovalResult:
        """Read an approval's state and steps."""
        raise TypeError

    @hookspec(effect="office_approval_withdraw_status", optional=True)
    def office_approval_withdraw(self, context: PluginContext, withdrawal: ApprovalWithdrawal) -> ApprovalResult:
        """Take a pending approval back."""
        raise TypeError

    @hookspec(optional=True)
    def office_approval_withdraw_status(self, context: PluginContext, query: EffectQuery) -> ApprovalResult:
        """Read the approval that a withdrawal was about, by the withdrawal's key and the approval's reference."""
        raise TypeError

    @hookspec(optional=True)
    def office_departments(self, context: PluginContext, query: PageQuery) -> DepartmentPage:
        """Read the departments, each once over all pages."""
        raise TypeError

    @hookspec(optional=True)
    def office_people(self, context: PluginContext, query: PeopleQuery) -> PeoplePage:
        """Read the people, each once over all pages."""
        raise TypeError

    @hookspec(kind=Kind.CALLBACK, optional=True)
    def office_callback(self, context: PluginContext, request: CallbackRequest) -> OfficeCallback:
        """Check a call-back's signature and tell what it says; raises `CallbackRefused`."""
        raise TypeError


SPECIFICATION = OfficeHooks
