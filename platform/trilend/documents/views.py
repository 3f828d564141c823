"""Files reached by a link that is good for one company, one file, one purpose and a limited time."""

from datetime import timedelta

from flask import Response, url_for
from flask_appbuilder import BaseView

from trilend.db.base import now
from trilend.documents.models import Document
from trilend.documents.service import stored_of
from trilend.identity.access import open_page
from trilend.storage.downloads import file_response
from trilend.storage.links import link_token, linked_object
from trilend.tenancy.context import tenant_session

READ, DOWNLOAD = "read", "download"
_LIFE = timedelta(minutes=15)


class FilesView(BaseView):  # type: ignore[misc]
    """No permission is asked: who made the link has asked for it, and the token is the key."""

    route_base = "/files"
    default_view = "read"

    @open_page("/read/<token>/<name>")
    def read(self, token: str, name: str) -> Response:
        """Show a file in the browser."""
        return file_response(linked_object(tenant_session(), token, READ), name)

    @open_page("/download/<token>/<name>")
    def download(self, token: str, name: str) -> Response:
        """Save a file."""
        return file_response(linked_object(tenant_session(), token, DOWNLOAD), name, as_attachment=True)


def link_to(filed: Document, name: str, purpose: str = READ, life: timedelta = _LIFE) -> str:
    """The address, on this company's host, of a link to a document for whoever may have it for so long."""
    token = link_token(stored_of(filed), purpose, now() + life)
    return str(url_for(f"FilesView.{purpose}", token=token, name=name))
