"""Light, dark, or as the system is: what a browser has chosen, and which stylesheets and colours follow from it."""

from flask import request
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from trilend.web.language import safe_return_path

COOKIE = "trilend_appearance"
CHOICES = ("auto", "light", "dark")
_ONE_YEAR = 365 * 24 * 3600
# Paper is light whatever the screen is.
_DARK_MEDIA = {"auto": "screen and (prefers-color-scheme: dark)", "dark": "screen", "light": ""}
_COLOR_SCHEMES = {"auto": "light dark", "dark": "dark", "light": "light"}


def appearance() -> str:
    """What this browser has chosen; `auto` until it chooses."""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in CHOICES else "auto"


def dark_media() -> str:
    """The media query under which the dark colours apply; empty where they never do."""
    return _DARK_MEDIA[appearance()]


def color_scheme() -> str:
    """What the browser is told of the page's colours before any stylesheet has come."""
    return _COLOR_SCHEMES[appearance()]


def switch_appearance() -> Response:
    """Keep the appearance asked for in this browser, and return to the page the person came from."""
    answer = redirect(safe_return_path(request.args.get("next", "")))
    asked = request.args.get("to", "")
    if asked in CHOICES:
        answer.set_cookie(COOKIE, asked, max_age=_ONE_YEAR, secure=request.is_secure, httponly=True, samesite="Lax")
    return answer
