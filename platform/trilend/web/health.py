"""Addresses for machines: is the process alive, is it ready to serve, and what it measures."""

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from trilend.config import settings
from trilend.tenancy.context import RegistrySession

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Alive: the process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Ready: registry and broker answer; otherwise 503 names what does not."""
    missing = [name for name, works in (("database", _database()), ("broker", _broker())) if not works]
    if missing:
        return jsonify(status="unavailable", missing=missing), 503
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


def _broker() -> bool:
    url = settings().valkey_url.replace("redis+socket://", "unix://")
    try:
        with Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as broker:
            return bool(broker.ping())
    except RedisError:
        return False
