"""The web application of a sandbox server: guards that all have, the admin API of faults, shared templates."""

from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, ValidationError

from trilend_sandbox.house.database import Database
from trilend_sandbox.house.errors import Refusal
from trilend_sandbox.house.faults import Fault, FaultKind, Offered, clear_faults, order_fault, waiting_faults

MAXIMUM_BODY_BYTES = 256 * 1024
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost"})
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
BodyT = TypeVar("BodyT", bound=BaseModel)


class AdminBody(BaseModel):
    """A request body of an admin API; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FaultBody(AdminBody):
    """Order a fault for the next calls."""

    kind: FaultKind
    count: int = 1
    endpoint: str = ""
    seconds: float = 2.0


def guarded_app(package: str, *blueprints: Blueprint, maximum_body: int = MAXIMUM_BODY_BYTES) -> Flask:
    """An application of these blueprints that only this machine's own pages and programs can use."""
    app = Flask(package)
    app.config["MAX_CONTENT_LENGTH"] = maximum_body
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    shared = Path(__file__).parent
    house = Blueprint(
        "house",
        __name__,
        static_folder=shared / "static",
        static_url_path="/house",
        template_folder=str(shared / "templates"),
    )
    for blueprint in (house, *blueprints):
        app.register_blueprint(blueprint)
    app.before_request(_refuse_foreign_sites)
    app.after_request(_harden)
    app.register_error_handler(Refusal, _refused)
    return app


def fault_api(database: Database, offered: Offered) -> Blueprint:
    """`/admin/faults`: order, list and clear faults."""
    blueprint = Blueprint("fault_api", __name__, url_prefix="/admin/faults")

    @blueprint.post("")
    def add_fault() -> ResponseReturnValue:
        asked = parse(FaultBody, request.get_data())
        with database.writing() as connection:
            order_fault(connection, offered, Fault(asked.kind, asked.endpoint, asked.seconds, asked.count))
            return jsonify(faults=[_fault(fault) for fault in waiting_faults(connection)]), 201

    @blueprint.get("")
    def list_faults() -> ResponseReturnValue:
        with database.reading() as connection:
            return jsonify(faults=[_fault(fault) for fault in waiting_faults(connection)])

    @blueprint.delete("")
    def forget_faults() -> ResponseReturnValue:
        with database.writing() as connection:
            clear_faults(connection)
        return "", 204

    return blueprint


def parse(model: type[BodyT], body: bytes) -> BodyT:
    """A request body as its model; raises `Refusal` (400) naming the first bad field."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "JSON"
        raise Refusal(400, "body_invalid", f"请求内容不正确:{where}") from None


def _fault(fault: Fault) -> dict[str, Any]:
    return {"kind": fault.kind, "endpoint": fault.endpoint, "seconds": fault.seconds, "count": fault.remaining}


def _refuse_foreign_sites() -> None:
    """No other site in the same browser, no borrowed host name."""
    if urlsplit(f"//{request.host}").hostname not in LOCAL_NAMES:
        raise Refusal(403, "host_forbidden", "只能以 127.0.0.1 或 localhost 访问")
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"https://{request.host}":
        raise Refusal(403, "origin_forbidden", "不接受其他网站的请求")


def _harden(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    return response


def _refused(refusal: Refusal) -> ResponseReturnValue:
    return jsonify(code=refusal.code, message=refusal.message), refusal.status
