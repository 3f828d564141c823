"""A page-serving app of each sort: plain, and one with Flask-AppBuilder's user administration."""

from collections.abc import Iterator
from datetime import date

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from flask_appbuilder import AppBuilder
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import create_engine
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import scoped_session, sessionmaker
from sqlalchemy.pool import StaticPool

from trilend.web.gallery import install_gallery
from trilend.web.language import install_languages, prepare_appbuilder_languages, use_languages_in_appbuilder
from trilend.web.shell import NavGroup, NavItem, ShellContext, install_shell

PASSWORD = "correct horse battery"


def at_work() -> ShellContext:
    """Wang Fang at her desk on 31 March 2026."""
    return ShellContext(
        face="tenant",
        company_name="恒信小额贷款有限公司",
        kind_label="小额贷款",
        person_name="王芳",
        business_date=date(2026, 3, 31),
        navigation=(
            NavGroup("", (NavItem("工作台", "/", "layout-dashboard", active=True),)),
            NavGroup("系统", (NavItem("用户", "/users/list/", "users"), NavItem("角色", "/roles/list/", "shield"))),
        ),
        sign_in_url="/login/",
        sign_out_url="/logout/",
        account_url="/users/userinfo/",
    )


def outside() -> ShellContext:
    """Nobody signed in."""
    return ShellContext(face="public", sign_in_url="/login/")


@pytest.fixture
def app() -> Flask:
    """A plain app with the shell and nobody signed in."""
    app = Flask("plain")
    app.config.update(SECRET_KEY="for this test only", SERVER_NAME="localhost")
    CSRFProtect(app)
    install_languages(app, [])
    install_shell(app, outside)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser at the plain app."""
    return app.test_client()


@compiles(TSVECTOR, "sqlite")
def _as_text(*_: object, **__: object) -> str:
    """The library makes every table that this process knows of in its database in memory."""
    return "TEXT"


@pytest.fixture(scope="session")
def appbuilder_app() -> Iterator[Flask]:
    """Flask-AppBuilder's own pages on a database in memory, with one administrator."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    people = scoped_session(sessionmaker(bind=engine))
    app = Flask("office")
    app.config.update(
        SECRET_KEY="for this test only",
        SERVER_NAME="localhost",
        FAB_ADD_SECURITY_VIEWS=True,
        FAB_UPDATE_PERMS=True,
        AUTH_RATE_LIMITED=False,
        RATELIMIT_ENABLED=False,
        TRILEND_GALLERY=True,
    )
    # The server's apps trim their templates so; the shell has to bear it.
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    CSRFProtect(app)
    prepare_appbuilder_languages(app, [])
    with app.app_context():
        appbuilder = AppBuilder(app, people)
        use_languages_in_appbuilder(app)
        install_shell(app, lambda: at_work() if "_user_id" in session else outside())
        install_gallery(app)
        manager = appbuilder.sm
        role = manager.find_role("Admin")
        manager.add_user("wangfang", "芳", "王", "wangfang@example.com", role, password=PASSWORD)
    yield app
    people.remove()
    engine.dispose()


@pytest.fixture
def office(appbuilder_app: Flask) -> FlaskClient:
    """The administrator's browser, signed in."""
    client = appbuilder_app.test_client()
    page = client.get("/login/").text
    answer = client.post("/login/", data={"username": "wangfang", "password": PASSWORD, "csrf_token": token_in(page)})
    assert answer.status_code == 302, answer.text
    return client


def token_in(page: str) -> str:
    """The CSRF token of a page's form."""
    return page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
