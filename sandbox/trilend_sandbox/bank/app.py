"""The bank's web application: open API, admin API and page, each with its own guards."""

from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from trilend_sandbox.bank.admin import admin_api
from trilend_sandbox.bank.api import open_api
from trilend_sandbox.bank.credentials import new_signing_key
from trilend_sandbox.bank.database import Database
from trilend_sandbox.bank.errors import Refusal
from trilend_sandbox.bank.pages import pages
from trilend_sandbox.bank.signatures import public_pem

MAXIMUM_BODY_BYTES = 256 * 1024
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost"})
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def create_app(database: Database, key: rsa.RSAPrivateKey) -> Flask:
    """The application on these books, signing with this key."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAXIMUM_BODY_BYTES
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.register_blueprint(open_api(database, key, new_signing_key()))
    app.register_blueprint(admin_api(database, public_pem(key)))
    app.register_blueprint(pages(database))
    app.before_request(_refuse_foreign_sites)
    app.after_request(_harden)
    app.register_error_handler(Refusal, _refused)
    return app


def _refuse_foreign_sites() -> None:
    """Only this machine's own pages and programs: no other site in the same browser, no borrowed host name."""
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
