"""Money out and in, for programs: both start background jobs."""

from flask_babel import lazy_gettext as _l
from pydantic import Field

from trilend.api.fields import Body, Key
from trilend.api.jobs import JobAnswer, job_answer
from trilend.api.operations import Call, Resource
from trilend_microfinance.disbursement import service as disbursement
from trilend_microfinance.repayments import service as repayments

PAYMENTS = Resource(
    "payments",
    _l("Disbursements and the assignment of what comes in."),
    jobs={disbursement.JOB: "loans:disburse", repayments.JOB: "payments:collect"},
)


class NewDisbursement(Body):
    """Loans whose money is to be paid out: all of them, or none if one is not ready."""

    model_config = {"json_schema_extra": {"example": {"loan_ids": [4, 7]}}}

    loan_ids: list[Key] = Field(min_length=1, max_length=500)


@PAYMENTS.post("/disbursements", scope="loans:disburse", summary=_l("Pay loans out"), status=202, location="/jobs/{id}")
def order_disbursement(call: Call, body: NewDisbursement) -> JobAnswer:
    """Records the transfers and starts the job that sends them; refused with `not_ready_to_disburse`."""
    return job_answer(disbursement.order(call.session, call.actor, body.loan_ids))


@PAYMENTS.post(
    "/collections", scope="payments:collect", summary=_l("Assign what came in"), status=202, location="/jobs/{id}"
)
def order_collection(call: Call) -> JobAnswer:
    """Starts the job that reads the bank's statement and assigns receipts to loans."""
    return job_answer(repayments.order_collection(call.session, call.actor))
