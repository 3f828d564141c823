"""The bank's web application: open API, admin API and page."""

from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask

from trilend_sandbox.bank.admin import admin_api
from trilend_sandbox.bank.api import open_api
from trilend_sandbox.bank.pages import pages
from trilend_sandbox.bank.signatures import public_pem
from trilend_sandbox.bank.texts import FAULTS
from trilend_sandbox.house.credentials import new_signing_key
from trilend_sandbox.house.database import Database
from trilend_sandbox.house.web import fault_api, guarded_app


def create_app(database: Database, key: rsa.RSAPrivateKey) -> Flask:
    """The application on these books, signing with this key."""
    return guarded_app(
        "trilend_sandbox.bank",
        open_api(database, key, new_signing_key()),
        admin_api(database, public_pem(key)),
        fault_api(database, FAULTS),
        pages(database),
    )
