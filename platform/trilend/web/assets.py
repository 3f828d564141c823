"""Addresses of the shell's static files, stamped with their content so that browsers may keep them for a year."""

import gzip
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path
from xml.etree import ElementTree

from flask import Blueprint, Response, request, url_for
from markupsafe import Markup, escape

from trilend.web.appearance import switch_appearance

STATIC_FOLDER = Path(__file__).parent / "static"
TEMPLATE_FOLDER = Path(__file__).parent / "templates"
ONE_YEAR = 365 * 24 * 3600
_COMPRESSIBLE = (".css", ".js", ".svg")

STYLESHEETS = ("vendor/tabler-core-1.6.1/tabler.min.css", "trilend.css", "business.css", "public.css", "desk.css")
DARK_STYLESHEET = "dark.css"
SCRIPTS = ("vendor/tabler-core-1.6.1/tabler.min.js", "vendor/htmx-2.0.11/htmx.min.js")
MODULES = ("trilend.js", "forms.js", "keyboard.js", "charts.js", "desk.js")
CHART_ENGINE = "vendor/echarts-6.1.0/echarts.trilend.min.js"
ICON_SPRITE = "vendor/tabler-icons-3.51.0/sprite.svg"


class ShellBlueprint(Blueprint):
    """Serves the static files; a file asked for by the stamp of its content never goes stale."""

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """A year for a stamped address, else the app's own rule."""
        if filename is not None and request.args.get("v") == content_stamp(filename):
            return ONE_YEAR
        return super().get_send_file_max_age(filename)

    def send_static_file(self, filename: str) -> Response:
        """The file, compressed where the browser takes that and it is worth it."""
        answer = super().send_static_file(filename)
        if not filename.endswith(_COMPRESSIBLE):
            return answer
        answer.vary.add("Accept-Encoding")
        packed = _packed(filename) if request.accept_encodings.quality("gzip") > 0 else b""
        if packed and answer.status_code == 200 and request.method == "GET":
            answer.close()  # the file as it lies there
            answer.direct_passthrough = False
            answer.set_data(packed)
            answer.headers["Content-Encoding"] = "gzip"
            answer.headers["Accept-Ranges"] = "none"
        return answer


def shell_blueprint() -> ShellBlueprint:
    """The blueprint of the shell's static files, under `/static/trilend/`, and of the switch between light and dark."""
    blueprint = ShellBlueprint(
        "trilend_web", __name__, static_folder=str(STATIC_FOLDER), static_url_path="/static/trilend"
    )
    blueprint.add_url_rule("/appearance", view_func=switch_appearance)
    return blueprint


def asset_url(path: str) -> str:
    """The stamped address of a static file of the shell."""
    return url_for("trilend_web.static", filename=path, v=content_stamp(path))


@cache
def content_stamp(path: str) -> str:
    """A short hash of a static file's content; empty for a file that is not there."""
    file = STATIC_FOLDER / path
    return blake2b(file.read_bytes(), digest_size=6).hexdigest() if file.is_file() else ""


@lru_cache(maxsize=64)  # one file has many spellings
def _packed(path: str) -> bytes:
    """A static file's content compressed, once per process; nothing for a way that leads out of the folder."""
    file = (STATIC_FOLDER / path).resolve()
    known = file.is_relative_to(STATIC_FOLDER) and file.is_file()
    return gzip.compress(file.read_bytes(), 9, mtime=0) if known else b""


@cache
def icon_names() -> frozenset[str]:
    """The icons in the sprite."""
    # The sprite is our own file, not something a stranger sent.
    symbols = ElementTree.parse(STATIC_FOLDER / ICON_SPRITE).getroot()  # noqa: S314
    return frozenset(symbol.attrib["id"] for symbol in symbols)


def icon(name: str, extra_class: str = "", label: str = "") -> Markup:
    """An icon of the sprite as inline SVG; hidden from screen readers unless it has a label of its own.

    Raises `KeyError` for a name that the sprite lacks.
    """
    if name not in icon_names():
        raise KeyError(f"no icon named {name!r} in {ICON_SPRITE}")
    spoken = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon {}" {} focusable="false"><use href="{}#{}"></use></svg>').format(
        escape(extra_class), spoken, asset_url(ICON_SPRITE), name
    )
