"""What tenancy costs a request: messages to the database, and requests a second of a page with one query."""

import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median
from typing import Any

from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.orm import scoped_session, sessionmaker
from tests.benchmarks.installation import Bench, Row, new_tenant, seconds
from werkzeug.test import EnvironBuilder, run_wsgi_app

_QUERY = text("SELECT count(*) FROM business_day")
_ROUNDS, _REQUESTS = 15, 300


def rows(bench: Bench) -> list[Row]:
    """Both sides have the same driver, pool and page; without tenancy the search path is the connection's."""
    from trilend.tenancy.context import tenant_session

    tenant = new_tenant("broker")
    plain = _plain_session(bench, tenant.schema)
    ours = _served(_page(tenant_session))
    theirs = _page(plain)
    sides: tuple[Callable[[], object], Callable[[], object]] = (_request(ours, tenant.slug), _request(theirs, ""))
    for side in sides:
        side()
    added = _messages(sides[0], _driver(tenant, tenant_session)) - _messages(sides[1], _driver(None, plain))
    ratios = []
    for _ in range(_ROUNDS):
        with_tenancy, without = (seconds(lambda: [side() for _ in range(_REQUESTS)]) for side in sides)  # noqa: B023
        ratios.append(without / with_tenancy)
    rate = _REQUESTS / with_tenancy
    return [
        {"what": "SQL messages that tenancy adds to a request", "value": added, "target": "0"},
        {
            "what": f"requests/s of a one-query page, with tenancy ÷ without ({rate:.0f} a second)",
            "value": round(median(ratios), 3),
            "target": "≥ 0.97",
        },
    ]


def _plain_session(bench: Bench, schema: str) -> Any:
    url = bench.database.superuser_url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(
        url,
        pool_size=1,
        pool_use_lifo=True,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={"options": f"-csearch_path={schema}", "prepare_threshold": None},
    )
    return scoped_session(sessionmaker(bind=engine))


def _page(session: Any) -> Flask:
    app = Flask("bench", static_folder=None, template_folder=None)

    @app.get("/")
    def page() -> str:
        return str(session.execute(_QUERY).scalar_one())

    @app.teardown_appcontext
    def close(_error: object) -> None:
        session.remove()

    return app


def _served(app: Flask) -> Any:
    from trilend.tenancy.routing import HostRouter

    return HostRouter(public=app, console=app, tenant=app, notice=app)


def _request(application: Any, slug: str) -> Callable[[], object]:
    environ = EnvironBuilder("/", base_url=f"http://{slug}{'.' if slug else ''}localhost:8000").get_environ()

    def send() -> None:
        _body, status, _headers = run_wsgi_app(application, dict(environ), buffered=True)
        assert status == "200 OK", status

    return send


def _driver(tenant: Any, session: Any) -> Any:
    """The connection that the pool will give out next."""
    from trilend.tenancy.context import bound

    with bound(tenant) if tenant else nullcontext():
        found = session().connection().connection.driver_connection
        session.remove()
    return found


def _messages(send: Callable[[], object], driver: Any) -> int:
    """Round trips of one request on the wire, from taking the connection to giving it back, as libpq traces them."""
    with tempfile.TemporaryFile("w+") as trace:
        driver.pgconn.trace(trace.fileno())
        send()
        driver.pgconn.untrace()
        trace.seek(0)
        lines = trace.readlines()
    trips = sum("ReadyForQuery" in line for line in lines)
    assert trips, "the request went by another connection"
    return trips
