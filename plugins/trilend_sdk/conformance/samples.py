"""Payloads that the suites send: an imaginary company's day; a bench changes what its outside must know."""

from datetime import UTC, date, datetime
from decimal import Decimal

from trilend_sdk import bank, bureau, data, esign, finance, lender, office, sms
from trilend_sdk.values import Consent, RepaymentMethod

PAYEE = bank.BankAccount(holder="曾䶮", number="6222020200112230000", bank_name="工商银行")
CONSENT = Consent(
    reference="C-2026-0001",
    purpose="loan_approval",
    recipient="某某征信有限公司",
    scope=("identity", "loans"),
    given_at=datetime(2026, 3, 2, 1, 30, tzinfo=UTC),
)
PERSON = lender.Person(name="曾䶮", resident_id="11010519491231002X", mobile="13800000000", address="某市某路1号")
USCC = "91310115591693856A"


def transfer(key: str) -> bank.TransferOrder:
    """1,200.50 to a person."""
    return bank.TransferOrder(idempotency_key=key, amount=Decimal("1200.50"), payee=PAYEE, purpose="放款")


def batch(key: str) -> bank.BatchOrder:
    """Two transfers, 30.00 together."""
    items = tuple(
        bank.BatchItem(item_id=str(number), amount=Decimal(10 * number), payee=PAYEE, purpose="放款")
        for number in (1, 2)
    )
    return bank.BatchOrder(idempotency_key=key, items=items, control_sum=Decimal(30))


def debit(key: str) -> bank.DebitOrder:
    """A due instalment of 880.00 under a mandate."""
    return bank.DebitOrder(idempotency_key=key, mandate="M-1", amount=Decimal(880), payer=PAYEE, purpose="还款")


def virtual_account(key: str) -> bank.VirtualAccountOrder:
    """A virtual account for a loan."""
    return bank.VirtualAccountOrder(idempotency_key=key, owner_reference=f"loan-{key}"[:64], name="曾䶮")


def submission(key: str) -> lender.Submission:
    """A person's file, 200,000.00 over 24 months."""
    return lender.Submission(
        idempotency_key=key,
        product="P1",
        file_number="JJ26000001",
        person=PERSON,
        amount=Decimal(200000),
        months=24,
        repayment_method=RepaymentMethod.ANNUITY,
        use_of_funds="经营周转",
        consents=(CONSENT,),
    )


def supplement(key: str) -> lender.Supplement:
    """An answer to what a lender asked for; the bench names the file."""
    return lender.Supplement(idempotency_key=key, submission_key="", reference="", request_ids=("1",), answer="已补充")


def withdrawal(key: str) -> lender.Withdrawal:
    """A file taken back; the bench names the file."""
    return lender.Withdrawal(idempotency_key=key, submission_key="", reference="", reason="客户撤回")


def joint_loan(key: str) -> lender.JointLoanInformation:
    """A joint loan of two lenders, 30 and 70 in a hundred."""
    shares = (
        lender.JointShare(lender="甲", share=Decimal("0.3"), amount=Decimal(60000)),
        lender.JointShare(lender="乙", share=Decimal("0.7"), amount=Decimal(140000)),
    )
    return lender.JointLoanInformation(
        idempotency_key=key,
        file_number="JJ26000001",
        person=PERSON,
        amount=Decimal(200000),
        months=24,
        annual_rate=Decimal("0.12"),
        all_in_rate=Decimal("0.15"),
        use_of_funds="经营周转",
        shares=shares,
        consents=(CONSENT,),
    )


def person_query(key: str) -> bureau.PersonQuery:
    """A person's report for an application."""
    return bureau.PersonQuery(
        idempotency_key=key,
        purpose=bureau.QueryPurpose.LOAN_APPROVAL,
        scope=(bureau.ReportScope.IDENTITY, bureau.ReportScope.LOANS),
        consent=CONSENT,
        operator="staff-1",
        name=PERSON.name,
        resident_id=PERSON.resident_id,
    )


def enterprise_query(key: str) -> bureau.EnterpriseQuery:
    """A company's report for an application."""
    return bureau.EnterpriseQuery(
        idempotency_key=key,
        purpose=bureau.QueryPurpose.LOAN_APPROVAL,
        scope=(bureau.ReportScope.LOANS,),
        consent=CONSENT,
        operator="staff-1",
        name="上海信诚商贸有限公司",
        uscc=USCC,
    )


def monthly_report(key: str) -> bureau.MonthlyReport:
    """A month with one account."""
    item = bureau.ReportingItem(
        item_id="1",
        account_number="DK26000001",
        kind="loan",
        subject_name=PERSON.name,
        resident_id=PERSON.resident_id,
        opened_on=date(2026, 1, 5),
        matures_on=date(2027, 1, 5),
        amount=Decimal(100000),
        balance=Decimal(90000),
        overdue=Decimal(0),
        days_past_due=0,
        tier="pass",
        due_this_month=Decimal(8500),
        paid_this_month=Decimal(8500),
    )
    return bureau.MonthlyReport(
        idempotency_key=key, month_end=date(2026, 2, 28), institution_code="MF001", items=(item,)
    )


def vouchers(key: str) -> finance.VoucherBatch:
    """One voucher: a loan of 1,200.50 paid out."""
    lines = (
        finance.VoucherLine(account="1303", summary="放款", debit=Decimal("1200.50")),
        finance.VoucherLine(account="1002", summary="放款", credit=Decimal("1200.50")),
    )
    voucher = finance.Voucher(idempotency_key=f"{key[:60]}-v1", posted_on=date(2026, 3, 2), lines=lines)
    return finance.VoucherBatch(idempotency_key=key, vouchers=(voucher,))


def message(key: str) -> office.OfficeMessage:
    """A text to the robot's group."""
    return office.OfficeMessage(idempotency_key=key, title="审批提醒", text="有一笔申请等待审批")


def approval(key: str) -> office.ApprovalStart:
    """An approval of a disbursement."""
    fields = (office.ApprovalField(label="金额", value="200000.00"),)
    return office.ApprovalStart(
        idempotency_key=key, template="loan-approval", title="放款审批", originator="u1", fields=fields
    )


def approval_withdrawal(key: str) -> office.ApprovalWithdrawal:
    """An approval taken back; the bench names it."""
    return office.ApprovalWithdrawal(idempotency_key=key, reference="", operator="u1", reason="客户撤回")


def text_message(key: str) -> sms.SmsMessage:
    """A one-time code."""
    return sms.SmsMessage(
        idempotency_key=key,
        mobile="13800000000",
        template="T1",
        signature="信诚小贷",
        parameters=(sms.SmsParameter(name="code", value="123456"),),
        purpose=sms.SmsPurpose.CODE,
    )


def data_query(key: str) -> data.DataQuery:
    """A person's risk score."""
    return data.DataQuery(
        idempotency_key=key,
        product="D1",
        subject=data.DataSubject(name=PERSON.name, resident_id=PERSON.resident_id, mobile=PERSON.mobile),
        consent=CONSENT,
        purpose="loan_approval",
        operator="staff-1",
    )


def signature(key: str) -> esign.SignRequest:
    """A company's seal; the bench gives the document and the company."""
    return esign.SignRequest(
        idempotency_key=key,
        document=b"%PDF-",
        field_name="Company",
        signer=esign.Signer(name="上海信诚小额贷款有限公司", reference="tenant", kind=esign.SealKind.COMPANY),
        placement=esign.Placement(x=80, y=640, width=119, height=119),
        reason="签订借款合同",
    )


def signature_batch(key: str) -> esign.SignBatch:
    """Two documents."""
    return esign.SignBatch(idempotency_key=key, requests=(signature(f"{key[:60]}-s1"), signature(f"{key[:60]}-s2")))


def virtual_account_closure(key: str) -> bank.VirtualAccountClosure:
    """A virtual account closed; the bench names one that is open."""
    return bank.VirtualAccountClosure(idempotency_key=key, number="0")
