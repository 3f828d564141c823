"""Addresses of the shell's static files, stamped with their content so that browsers may keep them for a year."""

from functools import cache
from hashlib import blake2b
from pathlib import Path
from xml.etree import ElementTree

from flask import Blueprint, request, url_for
from markupsafe import Markup, escape

STATIC_FOLDER = Path(__file__).parent / "static"
TEMPLATE_FOLDER = Path(__file__).parent / "templates"
ONE_YEAR = 365 * 24 * 3600

STYLESHEETS = ("vendor/tabler-core-1.6.1/tabler.min.css", "trilend.css", "business.css", "public.css", "desk.css")
SCRIPTS = ("vendor/tabler-core-1.6.1/tabler.min.js", "vendor/htmx-2.0.11/htmx.min.js", "trilend.js", "desk.js")
ICON_SPRITE = "vendor/tabler-icons-3.51.0/sprite.svg"


class ShellBlueprint(Blueprint):
    """Serves the static files; a file asked for by the stamp of its content never goes stale."""

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """A year for a stamped address, else the app's own rule."""
        if filename is not None and request.args.get("v") == content_stamp(filename):
            return ONE_YEAR
        return super().get_send_file_max_age(filename)


def shell_blueprint() -> ShellBlueprint:
    """The blueprint of the shell's static files, under `/static/trilend/`."""
    return ShellBlueprint("trilend_web", __name__, static_folder=str(STATIC_FOLDER), static_url_path="/static/trilend")


def asset_url(path: str) -> str:
    """The stamped address of a static file of the shell."""
    return url_for("trilend_web.static", filename=path, v=content_stamp(path))


@cache
def content_stamp(path: str) -> str:
    """A short hash of a static file's content; empty for a file that is not there."""
    file = STATIC_FOLDER / path
    return blake2b(file.read_bytes(), digest_size=6).hexdigest() if file.is_file() else ""


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
