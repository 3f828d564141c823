"""Answers errors as RFC 9457 asks: one shape for all, in the reader's language, with nothing of our insides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response
from flask_babel import lazy_gettext as _l
from pydantic import Field
from werkzeug.exceptions import HTTPException

from trilend.api.errors import Collision, FaultyCall, FieldFault, InvalidCall
from trilend.api.fields import Answer
from trilend.errors import TrilendError
from trilend.web.error_pages import Overloaded
from trilend.web.language import current_language, html_language
from trilend.web.shell import request_id
from trilend_sdk.errors import PluginError, Retryable

MEDIA_TYPE = "application/problem+json"

_TITLES = {
    400: _l("The request could not be understood"),
    401: _l("A valid access token is needed"),
    403: _l("This is not allowed"),
    404: _l("There is nothing at this address"),
    405: _l("This address does not take this method"),
    409: _l("This is not possible in the present state"),
    413: _l("The request is too large"),
    415: _l("The request has the wrong media type"),
    422: _l("The values sent do not fit"),
    429: _l("Too many requests in a short time"),
    500: _l("Something went wrong on our side"),
    502: _l("A connected service refused or failed"),
    503: _l("The service is being maintained"),
}
_ADVICE = {
    400: _l("Compare the request with the description at /api/v1/_openapi."),
    401: _l("Get a token at /oauth/token and send it as “Authorization: Bearer …”."),
    403: _l("Ask an administrator of the company what this program, and the person for whom it acts, may do."),
    404: _l("Check the address; the description at /api/v1/_openapi lists all there are."),
    405: _l("The header Allow names the methods that it takes."),
    409: _l("Read the latest state, then decide again."),
    413: _l("Send less at a time."),
    415: _l("Add the header “Content-Type: application/json”."),
    422: _l("Correct the values named, and send the request again under a new key."),
    429: _l("Wait as long as the header Retry-After says."),
    500: _l("Try again in a few minutes. If it happens again, send us the request_id."),
    502: _l("If `retry` is true, send the same request again later; else tell an administrator of the company."),
    503: _l("Try again in a few minutes; the header Retry-After may say when."),
}
_OTHER_ADVICE = _l("Compare the request with the description at /api/v1/_openapi.")
_CODES = {
    404: "not_found",
    400: "bad_request",
    405: "method_not_allowed",
    413: "too_large",
    415: "wrong_media_type",
    429: "too_many_requests",
    500: "internal_error",
}
_PASSED_ON = {"allow", "retry-after", "www-authenticate"}


class FieldProblem(Answer):
    """What is wrong with one value."""

    field: str = Field(description="dotted path into the body, or the parameter's name")
    code: str
    detail: str


class Problem(Answer):
    """An error (RFC 9457). `code` is stable; texts are in the language asked for by Accept-Language."""

    type: str = Field(examples=["urn:trilend:problem:second_person_needed"])
    title: str
    status: int
    code: str = Field(examples=["second_person_needed"])
    detail: str
    hint: str = Field(description="what the author of the request can do")
    retry: bool = Field(description="whether the same request may succeed later")
    details: dict[str, str] | None = Field(None, description="figures that the detail speaks of")
    errors: list[FieldProblem] | None = Field(None, description="one entry for each value that does not fit")
    request_id: str = Field(description="quote it when asking for help")


@dataclass(frozen=True)
class ProblemCode:
    """A problem that any operation may answer, and what to do then."""

    status: int
    code: str
    title: str
    hint: str


def problem_codes() -> list[ProblemCode]:
    """The problems that are the same everywhere, by status; operations name their own in their descriptions."""
    named = {(each.status, each.code): getattr(each, "hint", None) for each in _named_errors()}
    general = dict.fromkeys(_CODES.items())
    return [
        ProblemCode(status, code, str(_TITLES[status]), str(hint or _ADVICE.get(status, _OTHER_ADVICE)))
        for (status, code), hint in sorted((general | named).items())
    ]


def _named_errors() -> list[type[TrilendError]]:
    return [*FaultyCall.__subclasses__(), InvalidCall, Collision]


def answer_error(error: TrilendError) -> Response:
    """The answer to an error that a caller can act upon."""
    hint = getattr(error, "hint", None)
    return _answer(
        error.status,
        error.code,
        str(error),
        hint=str(hint) if hint else None,
        retry=error.retry,
        details=_details(error.details),
        errors=_faults(error),
        headers=getattr(error, "headers", {}),
    )


def answer_plugin_error(error: PluginError) -> Response:
    """The answer when a service behind a plugin refused or failed; its message is written for the tenant's staff."""
    return _answer(502, f"plugin_{error.code}", error.message, retry=isinstance(error, Retryable))


def answer_http_error(error: HTTPException) -> Response:
    """The answer to an error that Flask found: no such address, wrong method, too large, or a fault of ours."""
    status = error.code or 500
    code = _CODES.get(status, f"http_{status}")
    detail = str(_TITLES.get(status) or error.name)
    if isinstance(error, Overloaded):
        code, detail = error.code_name, str(error.description)
    headers = {name: value for name, value in error.get_headers() if name.lower() in _PASSED_ON}
    return _answer(status, code, detail, retry=status in {429, 503}, headers=headers)


def _answer(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str | None = None,
    retry: bool,
    details: dict[str, str] | None = None,
    errors: Sequence[FieldFault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    problem = Problem(
        type=f"urn:trilend:problem:{code}",
        title=str(_TITLES.get(status, code)),
        status=status,
        code=code,
        detail=detail,
        hint=hint or str(_ADVICE.get(status, _OTHER_ADVICE)),
        retry=retry,
        details=details,
        errors=[FieldProblem(field=fault.field, code=fault.code, detail=fault.detail) for fault in errors] or None,
        request_id=request_id(),
    )
    response = Response(problem.model_dump_json(exclude_none=True), status, headers, content_type=MEDIA_TYPE)
    response.headers["Content-Language"] = html_language(current_language())
    response.headers["Cache-Control"] = "no-store"
    return response


def _faults(error: TrilendError) -> list[FieldFault]:
    found = list(getattr(error, "faults", ()))
    if "field" in error.details:
        found.append(FieldFault(str(error.details["field"]), error.code, str(error)))
    named: Mapping[str, Any] = error.details.get("fields", {})
    return found + [FieldFault(field, error.code, str(sentence)) for field, sentence in named.items()]


def _details(details: Mapping[str, Any]) -> dict[str, str] | None:
    return {name: str(value) for name, value in details.items() if name not in {"field", "fields"}} or None
