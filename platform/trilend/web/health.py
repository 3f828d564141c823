"""Addresses for machines: is the process alive, is it ready to serve, and what it measures."""

from collections.abc import Mapping

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from trilend.config import settings
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.migration.overview import waiting
from trilend.tenancy.migration.steps import targets

blueprint = Blueprint("health", __name__)
_arrived: set[str] = set()


@blueprint.get("/healthz")
def healthz() -> Response:
    """Alive: the process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Ready: registry and broker answer, and the companies are at this release; otherwise 503 names what is missing.

    Companies that failed to be moved are not waited for. Once a process has been ready it stays so: a late comer
    shows its own page, and takes nobody else out of service.
    """
    missing = [name for name, works in (("database", _database()), ("broker", _broker())) if not works]
    if missing:
        return jsonify(status="unavailable", missing=missing), 503
    if behind := _behind():
        return jsonify(status="migrating", missing=["fleet"], behind=behind), 503
    return jsonify(status="ready"), 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus metrics of this process."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _database() -> bool:
    try:
        with RegistrySession() as session:
            session.execute(text("SELECT 1 FROM tenant LIMIT 1"))
    except SQLAlchemyError:
        return False
    return True


def _behind() -> Mapping[str, int]:
    """How many of each kind have still to be moved, until all have been there once."""
    release = str(targets())
    if release in _arrived:
        return {}
    with RegistrySession() as session:
        behind = waiting(session)
    if not behind:
        _arrived.add(release)
    return behind


def _broker() -> bool:
    url = settings().valkey_url.replace("redis+socket://", "unix://")
    try:
        with Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as broker:
            return bool(broker.ping())
    except RedisError:
        return False
