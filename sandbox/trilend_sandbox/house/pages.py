"""What all sandbox pages share: two languages, form fields, faults to order, and going back with a notice."""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from trilend_sandbox.house import texts
from trilend_sandbox.house.database import Database
from trilend_sandbox.house.errors import Refusal
from trilend_sandbox.house.faults import Fault, FaultKind, Offered, clear_faults, order_fault

LANGUAGES = ("zh", "en")
COOKIE = "sandbox_language"


class Words:
    """A server's words, the shared ones included, in the language of the person who looks."""

    def __init__(self, own: Mapping[str, tuple[str, str]], refusals: Mapping[str, str]) -> None:
        self._texts = {**texts.TEXTS, **own}
        self._refusals = {**texts.REFUSALS_IN_ENGLISH, **refusals}

    def text(self, name: str) -> str:
        """The words for a name."""
        chinese, english = self._texts[name]
        return english if language() == "en" else chinese

    def problem(self, refusal: Refusal) -> str:
        """Why something was refused."""
        return self._refusals.get(refusal.code, refusal.message) if language() == "en" else refusal.message

    def context(self) -> dict[str, object]:
        """What every template gets."""
        done = f"done_{request.args.get('done', '')}"
        return {
            "language": language(),
            "other_language": "zh" if language() == "en" else "en",
            "t": self.text,
            "notice": self.text(done) if done in self._texts else "",
        }


def page_blueprint(package: str, words: Words, database: Database, offered: Offered) -> Blueprint:
    """The blueprint `pages` of a server, with its words and the forms that order and clear faults.

    The server adds the view `home` and an error handler for `Refusal`.
    """
    blueprint = Blueprint("pages", package)
    blueprint.context_processor(words.context)
    blueprint.after_request(_remember_language)

    @blueprint.post("/faults")
    def add_fault() -> ResponseReturnValue:
        fault = Fault(_fault_kind(), field("endpoint"), number("seconds"), number("count"))
        with database.writing() as connection:
            order_fault(connection, offered, fault)
        return done("fault")

    @blueprint.post("/faults/clear")
    def forget_faults() -> ResponseReturnValue:
        with database.writing() as connection:
            clear_faults(connection)
        return done("cleared")

    return blueprint


def language() -> str:
    """`zh` or `en`, as chosen by link or earlier."""
    chosen = request.args.get("lang") or request.cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else LANGUAGES[0]


def done(what: str) -> ResponseReturnValue:
    """Back to the overview, which says `done_<what>`."""
    return redirect(url_for("pages.home", done=what), 303)


def field(name: str) -> str:
    """A form field without blanks around it."""
    return request.form.get(name, "").strip()


def date_field(name: str) -> date | None:
    """A date, or None when the field is empty; raises `Refusal`."""
    value = field(name)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise Refusal(400, "date_invalid", "请填写日期,例如 2026-08-03") from None


def number(name: str) -> int:
    """A whole number, or -1 for what is none."""
    value = field(name)
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else -1


def _fault_kind() -> FaultKind:
    try:
        return FaultKind(field("kind"))
    except ValueError:
        raise Refusal(400, "kind_unknown", "请选择故障") from None


def _remember_language(response: Response) -> Response:
    if request.args.get("lang") in LANGUAGES:
        response.set_cookie(COOKIE, language(), secure=True, httponly=True, samesite="Lax", max_age=31_536_000)
    return response
