"""Carries out one call: who asks, what is asked, the operation itself, and its answer or problem."""

from collections.abc import Mapping
from typing import Any

from flask import Response, g, request
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trilend.api import idempotency
from trilend.api.errors import Collision
from trilend.api.operations import Call, Operation
from trilend.api.problems import answer_error, answer_plugin_error
from trilend.api.programs import calling_program, require_scope
from trilend.api.rates import take_call
from trilend.api.validation import read_body, read_query
from trilend.errors import TrilendError
from trilend.identity.service import signed_in_actor
from trilend.tenancy.context import current_tenant, tenant_session
from trilend.tenancy.plans.calls import count_call
from trilend_sdk.errors import PluginError

BASE = "/api/v1"
_MOST_BYTES = 1024 * 1024


def perform(operation: Operation, numbers: Mapping[str, Any]) -> Response:
    """Carry out the running request's call; a refused one leaves nothing behind."""
    request.max_content_length = _MOST_BYTES
    session = tenant_session()
    response = _answered(session, operation, numbers)
    if "api_allowance" in g:
        response.headers.update(g.api_allowance.headers)
    return response


def _answered(session: Session, operation: Operation, numbers: Mapping[str, Any]) -> Response:
    try:
        return _perform(session, operation, numbers)
    except TrilendError as error:
        session.rollback()
        return answer_error(error)
    except PluginError as error:
        session.rollback()
        return answer_plugin_error(error)
    except IntegrityError:
        # A rule of the database decided a race that no look beforehand can.
        session.rollback()
        return answer_error(Collision())


def _perform(session: Session, operation: Operation, numbers: Mapping[str, Any]) -> Response:
    g.api_client = calling_program(session)
    if g.api_client.person is not None:
        # What a page would show or allow this person is what the program sees and may do.
        g.user = g.api_client.person
    if allowance := take_call(current_tenant(), g.api_client):
        g.api_allowance = allowance
    require_scope(g.api_client, operation.scope)
    count_call(current_tenant())
    call = Call(session, signed_in_actor(), g.api_client)
    values = dict(numbers)
    if operation.query:
        values["query"] = read_query(request, operation.query)
    if operation.body:
        values["body"] = read_body(request, operation.body)
    if not operation.is_write:
        return _answer(operation.handler(call, **values).model_dump_json(), operation.status)
    key = request.headers.get(idempotency.HEADER)
    return _write(call, operation, values) if key is None else _write_once(call, operation, values, key)


def _write(call: Call, operation: Operation, values: Mapping[str, Any]) -> Response:
    answer, location = _act(call, operation, values)
    call.session.commit()
    return _answer(answer, operation.status, location)


def _write_once(call: Call, operation: Operation, values: Mapping[str, Any], key: str) -> Response:
    body = values["body"].model_dump_json() if "body" in values else ""
    asked = f"{operation.method} {request.path}\n{body}"
    record = idempotency.claim(call.session, call.program, key, asked)
    if record.status is not None:
        response = _answer(record.answer, record.status, record.location)
        response.headers["Idempotency-Replayed"] = "true"
        return response
    record.answer, record.location = _act(call, operation, values)
    record.status = operation.status
    answered = _answer(record.answer, operation.status, record.location)
    call.session.commit()
    return answered


def _act(call: Call, operation: Operation, values: Mapping[str, Any]) -> tuple[str, str]:
    made = operation.handler(call, **values)
    location = BASE + operation.location.format_map(made.model_dump()) if operation.location else ""
    return made.model_dump_json(), location


def _answer(body: str, status: int, location: str = "") -> Response:
    response = Response(body, status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if location:
        response.headers["Location"] = location
    return response
