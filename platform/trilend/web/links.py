"""Links that lead to the page being shown, with another sorting, page or filter."""

from urllib.parse import urlencode

from flask import request


def url_with(**changes: str | int | None) -> str:
    """This page's address with some query arguments changed; one that is None is left out."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in changes]
    changed = [(name, str(value)) for name, value in changes.items() if value is not None]
    query = urlencode(kept + changed)
    return f"{request.path}?{query}" if query else request.path
