"""Answers that hand out a stored file piece by piece, whole or the part that was asked for."""

from urllib.parse import quote

from flask import Response, request

from trilend.storage import objects
from trilend.storage.models import StoredObject


def file_response(stored: StoredObject, name: str, *, as_attachment: bool = False) -> Response:
    """A file under a name of its own, never kept by a cache; answers `Range` and `If-None-Match`.

    Memory does not grow with the file. What is damaged ends the connection before its length is reached.
    """
    etag = f'"{stored.sha256}"'
    if stored.sha256 in request.if_none_match:
        return Response(status=304, headers={"ETag": etag, "Cache-Control": "private, no-store"})
    wanted = _wanted_range(stored, etag)
    if wanted == ():
        return Response(status=416, headers={"Content-Range": f"bytes */{stored.size}"})
    first, last = wanted or (0, stored.size - 1)
    content = objects.pieces(stored, first, last) if request.method != "HEAD" else iter(())
    response = Response(content, status=206 if wanted else 200, mimetype=stored.media_type, direct_passthrough=True)
    response.content_length = last - first + 1
    response.headers["ETag"] = etag
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    disposition = "attachment" if as_attachment else "inline"
    response.headers["Content-Disposition"] = f"{disposition}; filename*=UTF-8''{quote(name)}"
    if wanted:
        response.headers["Content-Range"] = f"bytes {first}-{last}/{stored.size}"
    return response


def _wanted_range(stored: StoredObject, etag: str) -> tuple[int, int] | tuple[()] | None:
    """The one part that is asked for; None for the whole, nothing for a part that is not there."""
    asked = request.range
    condition = request.headers.get("If-Range")
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1 or condition not in (None, etag):
        return None
    found = asked.range_for_length(stored.size)
    return (found[0], found[1] - 1) if found else ()
