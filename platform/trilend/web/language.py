"""The three languages of the pages: which one a request gets, how a person switches, and where the catalogues are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import flask_babel
from flask import Blueprint, Flask, has_request_context, redirect, request, session
from flask_babel import Babel
from werkzeug.wrappers import Response

LANGUAGES: tuple[tuple[str, str], ...] = (
    ("zh_Hans", "简体中文"),
    ("zh_Hant_HK", "繁體中文"),
    ("en", "English"),
)
DEFAULT_LANGUAGE = "zh_Hans"
CATALOGUES = Path(__file__).parent.parent / "translations"
TIME_ZONE = "Asia/Shanghai"

_CODES = frozenset(code for code, _ in LANGUAGES)
_HTML_CODES = {"zh_Hans": "zh-Hans", "zh_Hant_HK": "zh-Hant", "en": "en"}
# FAB keeps its choice under this key; using the same one lets its views and ours agree.
_SESSION_KEY = "locale"
# What marks a browser's tag of Chinese as Traditional; a bare "zh" is Simplified.
_TRADITIONAL = frozenset({"hant", "hk", "mo", "tw"})

blueprint = Blueprint("trilend_language", __name__)


def begin_session_anew() -> None:
    """Forget all of the session but the language that was chosen."""
    chosen = session.get(_SESSION_KEY)
    session.clear()
    if chosen:
        session[_SESSION_KEY] = chosen


def select_language() -> str:
    """The language of this request: `?lang=`, else the session's, else the browser's, else Simplified Chinese."""
    if not has_request_context():
        return DEFAULT_LANGUAGE
    asked = request.args.get("lang", "")
    if asked in _CODES:
        if session.get(_SESSION_KEY) != asked:
            session[_SESSION_KEY] = asked
        return asked
    kept = session.get(_SESSION_KEY)
    return kept if kept in _CODES else _browser_language()


def current_language() -> str:
    """The code of the language in use, also where a block of code has forced another one."""
    locale = flask_babel.get_locale()
    return str(locale) if locale is not None and str(locale) in _CODES else DEFAULT_LANGUAGE


def html_language(code: str) -> str:
    """The BCP 47 tag of a language code, for the `lang` attribute."""
    return _HTML_CODES.get(code, "en")


def install_languages(app: Flask, directories: Sequence[Path]) -> None:
    """Gives a plain Flask app the languages, with the catalogues of `directories` over the shared ones."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = ";".join(_catalogue_paths(directories))
    Babel(app, default_locale=DEFAULT_LANGUAGE, default_timezone=TIME_ZONE, locale_selector=select_language)
    _serve_languages(app)


def prepare_appbuilder_languages(app: Flask, directories: Sequence[Path]) -> None:
    """Sets what Flask-AppBuilder reads when it creates Flask-Babel; call before creating `AppBuilder`."""
    app.config["BABEL_DEFAULT_LOCALE"] = DEFAULT_LANGUAGE
    app.config["BABEL_DEFAULT_TIMEZONE"] = TIME_ZONE
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = ";".join(_catalogue_paths(directories))
    app.config["LANGUAGES"] = {code: {"flag": "", "name": name} for code, name in LANGUAGES}


def use_languages_in_appbuilder(app: Flask) -> None:
    """Replaces Flask-AppBuilder's choice of language by ours; call after creating `AppBuilder`."""
    app.extensions["babel"].locale_selector = select_language
    _serve_languages(app)


class FormTexts:
    """What WTForms says about an entry, from our catalogues, which know all three languages."""

    def ugettext(self, message: str) -> str:
        """The message in the language of the request."""
        return str(flask_babel.get_translations().ugettext(message))

    def ungettext(self, one: str, many: str, count: int) -> str:
        """The message for `count` in the language of the request."""
        return str(flask_babel.get_translations().ungettext(one, many, count))


@blueprint.get("/language")
def switch_language() -> Response:
    """Keeps the language asked for and returns to the page the person came from."""
    asked = request.args.get("to", "")
    if asked in _CODES:
        session[_SESSION_KEY] = asked
        flask_babel.refresh()
    return redirect(safe_return_path(request.args.get("next", "")))


def safe_return_path(asked: str) -> str:
    """`asked` if it is a path of this site, else the start page: a link may not send people elsewhere."""
    leads_away = not asked.startswith("/") or asked.startswith(("//", "/\\")) or any(c < " " for c in asked)
    return "/" if leads_away or "\\" in asked else asked


def _serve_languages(app: Flask) -> None:
    app.register_blueprint(blueprint)
    app.before_request(_speak_in_forms)


def _speak_in_forms() -> None:
    # Flask-WTF keeps the translations it has loaded here, and loads none where some are already.
    cast(Any, request).wtforms_translations = FormTexts()


def _browser_language() -> str:
    known = (_language_of_tag(tag) for tag, _ in request.accept_languages)
    return next((language for language in known if language is not None), DEFAULT_LANGUAGE)


def _language_of_tag(tag: str) -> str | None:
    language, *rest = tag.lower().replace("_", "-").split("-")
    if language == "zh":
        return "zh_Hant_HK" if _TRADITIONAL.intersection(rest) else "zh_Hans"
    return "en" if language == "en" else None


def _catalogue_paths(directories: Sequence[Path]) -> list[str]:
    return [str(path) for path in (CATALOGUES, *directories)]
