"""Topics `lender/1`, `bureau/1` and `data/1` on paper."""

from decimal import Decimal

from acme_paperdesk.drawer import once, recall, stamped
from trilend_sdk import CallbackRequest, CheckResult, EffectQuery, PluginContext, hookimpl
from trilend_sdk.bureau import (
    BureauCallback,
    BureauEvent,
    BureauQuery,
    CreditReport,
    EnterpriseQuery,
    MonthlyReport,
    PersonQuery,
    ReportingResult,
    ReportingStatus,
    ReportStatus,
)
from trilend_sdk.data import (
    DataAnswer,
    DataCallback,
    DataEvent,
    DataProduct,
    DataProductList,
    DataQuery,
    DataStatus,
    SubjectField,
)
from trilend_sdk.lender import (
    BorrowerKind,
    HandInStatus,
    InformResult,
    JointLoanInformation,
    LenderCallback,
    LenderDecision,
    LenderEvent,
    LenderProduct,
    ProductList,
    Submission,
    SubmissionResult,
    SubmissionStatus,
    Supplement,
    SupplementResult,
    Withdrawal,
    WithdrawalResult,
)
from trilend_sdk.values import RepaymentMethod


class Asking:
    """The hooks of `lender/1`, `bureau/1` and `data/1`."""

    @hookimpl
    def lender_check(self) -> CheckResult:
        """The lender's tray is there."""
        return CheckResult(ok=True, message="The tray is there.")

    @hookimpl
    def lender_products(self) -> ProductList:
        """One product."""
        product = LenderProduct(
            code="P1",
            name="经营贷",
            borrower_kinds=(BorrowerKind.PERSON, BorrowerKind.ORGANIZATION),
            minimum_amount=Decimal(10000),
            maximum_amount=Decimal(500000),
            minimum_months=3,
            maximum_months=36,
            lowest_rate=Decimal("0.06"),
            highest_rate=Decimal("0.12"),
            repayment_methods=(RepaymentMethod.ANNUITY,),
            documents=("resident_id", "business_licence"),
        )
        return ProductList(products=(product,))

    @hookimpl
    def lender_submit(self, context: PluginContext, submission: Submission) -> SubmissionResult:
        """A file is put into the tray once."""
        return once(
            context,
            "lender_submit",
            submission.idempotency_key,
            lambda reference: SubmissionResult(
                idempotency_key=submission.idempotency_key, reference=reference, status=SubmissionStatus.RECEIVED
            ),
        )

    @hookimpl
    def lender_status(self, context: PluginContext, query: EffectQuery) -> SubmissionResult:
        """A file taken back says so."""
        nothing = SubmissionResult(idempotency_key=query.idempotency_key, status=SubmissionStatus.NOT_FOUND)
        found = recall(context, query.idempotency_key, SubmissionResult) or nothing
        taken = context.store.get(f"withdrawn {query.idempotency_key}")
        return found.model_copy(update={"status": SubmissionStatus.WITHDRAWN}) if taken else found

    @hookimpl
    def lender_supplement(self, context: PluginContext, supplement: Supplement) -> SupplementResult:
        """A supplement goes into the same tray."""
        return once(
            context,
            "lender_supplement",
            supplement.idempotency_key,
            lambda reference: SupplementResult(
                idempotency_key=supplement.idempotency_key, reference=reference, status=HandInStatus.ACCEPTED
            ),
        )

    @hookimpl
    def lender_supplement_status(self, context: PluginContext, query: EffectQuery) -> SupplementResult:
        """Whether it is in the tray."""
        nothing = SupplementResult(idempotency_key=query.idempotency_key, status=HandInStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, SupplementResult) or nothing

    @hookimpl
    def lender_result(self, context: PluginContext, query: EffectQuery) -> LenderDecision:
        """Nobody decides on paper: there is a state and no terms yet."""
        found = self.lender_status(context, query)
        return LenderDecision(idempotency_key=query.idempotency_key, reference=found.reference, status=found.status)

    @hookimpl
    def lender_withdraw(self, context: PluginContext, withdrawal: Withdrawal) -> WithdrawalResult:
        """The file is marked as taken back."""
        context.store.put(f"withdrawn {withdrawal.submission_key}", b"yes")
        return once(
            context,
            "lender_withdraw",
            withdrawal.idempotency_key,
            lambda reference: WithdrawalResult(
                idempotency_key=withdrawal.idempotency_key, reference=reference, status=HandInStatus.ACCEPTED
            ),
        )

    @hookimpl
    def lender_withdraw_status(self, context: PluginContext, query: EffectQuery) -> WithdrawalResult:
        """Whether the mark is there."""
        nothing = WithdrawalResult(idempotency_key=query.idempotency_key, status=HandInStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, WithdrawalResult) or nothing

    @hookimpl
    def lender_inform(self, context: PluginContext, information: JointLoanInformation) -> InformResult:
        """The information goes into the tray."""
        return once(
            context,
            "lender_inform",
            information.idempotency_key,
            lambda reference: InformResult(
                idempotency_key=information.idempotency_key, reference=reference, status=HandInStatus.ACCEPTED
            ),
        )

    @hookimpl
    def lender_inform_status(self, context: PluginContext, query: EffectQuery) -> InformResult:
        """Whether it is in the tray."""
        nothing = InformResult(idempotency_key=query.idempotency_key, status=HandInStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, InformResult) or nothing

    @hookimpl
    def lender_callback(self, context: PluginContext, request: CallbackRequest) -> LenderCallback:
        """The stamp is checked before anything is read."""
        return LenderCallback(events=(LenderEvent.model_validate_json(stamped(context, request)),))

    @hookimpl
    def bureau_check(self) -> CheckResult:
        """The card index is there."""
        return CheckResult(ok=True, message="The card index is there.")

    @hookimpl
    def bureau_query_person(self, context: PluginContext, query: PersonQuery) -> CreditReport:
        """Each query leaves one card."""
        return _look_up(context, "bureau_query_person", query)

    @hookimpl
    def bureau_query_enterprise(self, context: PluginContext, query: EnterpriseQuery) -> CreditReport:
        """As of a person."""
        return _look_up(context, "bureau_query_enterprise", query)

    @hookimpl
    def bureau_query_status(self, context: PluginContext, query: EffectQuery) -> CreditReport:
        """Reading the card again leaves no other."""
        nothing = CreditReport(idempotency_key=query.idempotency_key, status=ReportStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, CreditReport) or nothing

    @hookimpl
    def bureau_report(self, context: PluginContext, report: MonthlyReport) -> ReportingResult:
        """Every item is taken."""
        return once(
            context,
            "bureau_report",
            report.idempotency_key,
            lambda reference: ReportingResult(
                idempotency_key=report.idempotency_key,
                reference=reference,
                status=ReportingStatus.CHECKED,
                accepted=len(report.items),
            ),
        )

    @hookimpl
    def bureau_report_status(self, context: PluginContext, query: EffectQuery) -> ReportingResult:
        """The count was kept."""
        nothing = ReportingResult(idempotency_key=query.idempotency_key, status=ReportingStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, ReportingResult) or nothing

    @hookimpl
    def bureau_callback(self, context: PluginContext, request: CallbackRequest) -> BureauCallback:
        """The stamp is checked before anything is read."""
        return BureauCallback(events=(BureauEvent.model_validate_json(stamped(context, request)),))

    @hookimpl
    def data_check(self) -> CheckResult:
        """The file is there."""
        return CheckResult(ok=True, message="The file is there.")

    @hookimpl
    def data_products(self) -> DataProductList:
        """One score."""
        needs = (SubjectField.NAME, SubjectField.RESIDENT_ID, SubjectField.MOBILE)
        return DataProductList(products=(DataProduct(code="D1", name="评分", needs=needs, scored=True),))

    @hookimpl
    def data_query(self, context: PluginContext, query: DataQuery) -> DataAnswer:
        """Everybody has the same score."""
        return once(
            context,
            "data_query",
            query.idempotency_key,
            lambda reference: DataAnswer(
                idempotency_key=query.idempotency_key, reference=reference, status=DataStatus.READY, score=600
            ),
        )

    @hookimpl
    def data_query_status(self, context: PluginContext, query: EffectQuery) -> DataAnswer:
        """The answer was kept."""
        nothing = DataAnswer(idempotency_key=query.idempotency_key, status=DataStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, DataAnswer) or nothing

    @hookimpl
    def data_callback(self, context: PluginContext, request: CallbackRequest) -> DataCallback:
        """The stamp is checked before anything is read."""
        return DataCallback(events=(DataEvent.model_validate_json(stamped(context, request)),))


def _look_up(context: PluginContext, hook: str, query: BureauQuery) -> CreditReport:
    return once(
        context,
        hook,
        query.idempotency_key,
        lambda reference: CreditReport(
            idempotency_key=query.idempotency_key,
            reference=reference,
            status=ReportStatus.READY,
            issued_at=context.clock(),
            raw=b"nothing is known",
            raw_media_type="text/plain",
        ),
    )
