"""Pages that say in one sentence what went wrong, what to do now, and the number to quote when asking for help."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from uuid import uuid4

from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, ServiceUnavailable, default_exceptions

from trilend.web.context import ShellContexts, use_plain_context

ErrorAnswer = Callable[[HTTPException], ResponseReturnValue]

_EXTENSION = "trilend_error_answers"
_SAFE_ID = re.compile(r"[0-9A-Za-z._-]{8,64}")


@dataclass(frozen=True)
class ErrorText:
    """What a page of one status says."""

    title: LazyString
    advice: LazyString
    icon: str


TEXTS: dict[int, ErrorText] = {
    400: ErrorText(
        _("The request could not be understood"),
        _("Go back, check what you entered and send it again."),
        "file-x",
    ),
    401: ErrorText(_("Please sign in"), _("Sign in, then open the page again."), "login-2"),
    403: ErrorText(
        _("You may not open this page"),
        _("Ask an administrator of your company for the right to do this, or go back."),
        "lock",
    ),
    404: ErrorText(
        _("There is nothing at this address"),
        _("The page may have moved or been removed. Check the address or begin at the start page."),
        "map-2",
    ),
    405: ErrorText(_("This page cannot be used that way"), _("Go back and use the buttons of the page."), "hand-stop"),
    409: ErrorText(
        _("Somebody else has changed this in the meantime"),
        _("Go back, reload the page to see the latest state, and then decide again."),
        "git-merge",
    ),
    413: ErrorText(
        _("The file is too large"),
        _("Send a smaller file, or split it into several."),
        "file-off",
    ),
    429: ErrorText(
        _("Too many requests in a short time"),
        _("Wait a minute, then try again. Nothing was changed by the last request."),
        "hourglass",
    ),
    500: ErrorText(
        _("Something went wrong on our side"),
        _("Try again in a few minutes. If it happens again, send us the number below."),
        "plug-connected-x",
    ),
    503: ErrorText(
        _("The service is being maintained"),
        _("Please come back in a few minutes. Your data is safe."),
        "tool",
    ),
}

_PAGE_TOO_OLD = ErrorText(
    _("This page was open for too long"),
    _("Go back, reload the page and send the form again. Nothing was changed."),
    "clock-pause",
)

_OVERLOADED = ErrorText(
    _("Please try again in a moment"),
    _("Wait a few seconds, then go back and send it again."),
    "hourglass",
)


class Overloaded(ServiceUnavailable):
    """A limit of time or number stopped the request; the sentence says which, `code` names it for programs."""

    def __init__(self, sentence: str | LazyString, code_name: str, retry_after: int) -> None:
        super().__init__(description=cast(str, sentence), retry_after=retry_after)
        self.code_name = code_name


def request_id() -> str:
    """The number of this request in logs and on error pages; taken from a proxy's header when that is well formed."""
    if "request_id" not in g:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _SAFE_ID.fullmatch(given) else uuid4().hex
    return cast(str, g.request_id)


def answer_errors_under(app: Flask, prefix: str, answer: ErrorAnswer) -> None:
    """Lets a part of the site that is not made of pages, such as `/api/`, answer its errors its own way."""
    app.extensions.setdefault(_EXTENSION, {})[prefix] = answer


def install_error_pages(app: Flask, contexts: ShellContexts) -> None:
    """Answers the errors of pages with pages; those under `/api/` and `/oauth/` keep their own answers."""

    def show(error: HTTPException) -> ResponseReturnValue:
        return _own_answer(error) or _error_page(error, contexts)

    for prefix in ("/api/", "/oauth/"):
        app.extensions.setdefault(_EXTENSION, {}).setdefault(prefix, lambda error: error.get_response())
    for status in TEXTS:
        app.register_error_handler(status, show)
    app.after_request(_name_request)


def _own_answer(error: HTTPException) -> ResponseReturnValue | None:
    answers: dict[str, ErrorAnswer] = current_app.extensions[_EXTENSION]
    matching = [answer for prefix, answer in answers.items() if request.path.startswith(prefix)]
    return matching[0](error) if matching else None


def _error_page(error: HTTPException, contexts: ShellContexts) -> Response:
    status = error.code or 500
    if status >= 500:
        # Whatever failed may be what the navigation is made of.
        use_plain_context()
    signed_in = contexts.current().person_name is not None
    page = render_template(
        "trilend/errors/error.html",
        layout="trilend/page.html" if signed_in else "trilend/bare.html",
        status=status,
        text=_text_for(error, status),
        detail=_detail(error),
        request_id=request_id(),
    )
    response = make_response(page, status)
    for name, value in error.get_headers():
        if name.lower() in {"allow", "retry-after", "www-authenticate"}:
            response.headers[name] = value
    return response


def _text_for(error: HTTPException, status: int) -> ErrorText:
    if isinstance(error, CSRFError):
        return _PAGE_TOO_OLD
    return _OVERLOADED if isinstance(error, Overloaded) else TEXTS[status]


def _detail(error: HTTPException) -> str | LazyString | None:
    """The sentence that the code gave when it refused; none where it is only the standard's."""
    standard = default_exceptions[error.code].description if error.code in default_exceptions else None
    is_ours = error.description != standard and not isinstance(error, CSRFError) and (error.code or 500) < 500
    return error.description if is_ours or isinstance(error, Overloaded) else None


def _name_request(response: Response) -> Response:
    response.headers.setdefault("X-Request-ID", request_id())
    return response
