"""The plugin object: the hooks of `esign/1`, each importing what it needs only when first called.

pyHanko takes most of a second to import; a process that never signs shall not pay for it.
"""

from typing import Final

from trilend_sdk.context import PluginContext
from trilend_sdk.esign import (
    Enrolment,
    EnrolmentRequest,
    SignRequest,
    SignResult,
    SignStatus,
    VerificationReport,
    VerifyRequest,
)
from trilend_sdk.hooks import hookimpl
from trilend_sdk.payload import CheckResult, EffectQuery


class PyHankoPlugin:
    """Signs and verifies PDF documents inside the host's own process."""

    @hookimpl
    def esign_enrol(self, context: PluginContext, request: EnrolmentRequest) -> Enrolment:
        """Make a trial certificate authority of the tenant's own, and the company's certificate by it."""
        from trilend_pyhanko.enrolment import enrol

        return enrol(context, request)

    @hookimpl
    def esign_sign(self, context: PluginContext, request: SignRequest) -> SignResult:
        """Add one visible PAdES B-B signature; raises `Terminal` when document, place or identity do not allow it."""
        from trilend_pyhanko.signing import sign

        return sign(context, request)

    @hookimpl
    def esign_sign_status(self, query: EffectQuery) -> SignResult:
        """A signature made here and lost with its answer exists nowhere: it may be made anew."""
        return SignResult(idempotency_key=query.idempotency_key, status=SignStatus.NOT_FOUND)

    @hookimpl
    def esign_verify(self, context: PluginContext, request: VerifyRequest) -> VerificationReport:
        """Judge every signature of a PDF; a damaged PDF gives a report, not an error."""
        from trilend_pyhanko.verification import verify

        return verify(context, request)

    @hookimpl
    def esign_check(self, context: PluginContext) -> CheckResult:
        """Say whether the connection's certificate, key and authority are there, match and are in force."""
        from trilend_pyhanko.identity import check

        return check(context)


PLUGIN: Final = PyHankoPlugin()
