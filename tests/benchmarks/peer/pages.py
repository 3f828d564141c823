"""The one page."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path


def page(_request: HttpRequest) -> HttpResponse:
    """Count the rows of a table of the tenant's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM peer_day")
        return HttpResponse(str(cursor.fetchone()[0]))


urlpatterns = [path("", page)]
