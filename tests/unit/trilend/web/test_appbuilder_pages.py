"""Every page that Flask-AppBuilder renders wears our shell and nothing of its own."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from trilend.web.assets import TEMPLATE_FOLDER

# Flask-AppBuilder 5.3 still does things that WTForms 3.3 and SQLAlchemy 2.1 announce to drop.
pytestmark = [
    pytest.mark.filterwarnings("ignore:'DateTimeField' renders:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Yielding raw tuples from iter_choices:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The Query.get:sqlalchemy.exc.LegacyAPIWarning"),
]

PAGES = [
    "/",
    "/users/list/",
    "/users/show/1",
    "/users/add",
    "/users/edit/1",
    "/users/userinfo/",
    "/userinfoeditview/form",
    "/resetmypassword/form",
    "/resetpassword/form?pk=1",
    "/roles/list/",
    "/roles/show/1",
    "/roles/add",
    "/roles/edit/1",
    "/groups/list/",
    "/groups/add",
    "/permissions/list/",
    "/viewmenus/list/",
    "/permissionviews/list/",
    "/userstatschartview/chart/",
]


def token_in(page: str) -> str:
    """The CSRF token of a page's form."""
    return page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]


FOREIGN = re.compile(
    r"appbuilder/(static|css|js)|/appbuilder/|jquery|select2|glyphicon|fa fa-|btn-default|google", re.I
)


def assert_only_our_markup(page: str) -> None:
    assert not FOREIGN.search(page), FOREIGN.search(page)
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert "<style" not in page
    assert not re.search(r"\sstyle=", page)
    assert not re.search(r"\son[a-z]+=", page)
    assert "javascript:" not in page
    assert re.search(r"<title>\s*\S.*</title>", page)
    assert page.count("<main ") == 1
    assert page.count("<h1") == 1


@pytest.mark.parametrize("address", PAGES)
def test_page_wears_the_shell(office: FlaskClient, address: str) -> None:
    answer = office.get(address)
    assert answer.status_code == 200, answer.text
    assert_only_our_markup(answer.text)
    assert "恒信小额贷款有限公司" in answer.text
    ids = re.findall(r'\sid="([^"]+)"', answer.text)
    assert sorted(ids) == sorted(set(ids))


def test_sign_in_page_wears_the_shell(appbuilder_app: Flask) -> None:
    answer = appbuilder_app.test_client().get("/login/")
    assert answer.status_code == 200
    assert_only_our_markup(answer.text)
    assert 'autocomplete="current-password"' in answer.text


THEIRS = Path(str(files("flask_appbuilder"))) / "templates"
TEMPLATES = sorted(str(path.relative_to(THEIRS)) for path in THEIRS.rglob("*") if path.is_file())


def test_every_template_of_the_library_is_overridden(appbuilder_app: Flask) -> None:
    assert len(TEMPLATES) > 50
    own = {name: appbuilder_app.jinja_env.get_template(name).filename for name in TEMPLATES}
    assert [name for name, file in own.items() if Path(str(file)).parent != (TEMPLATE_FOLDER / name).parent] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_names_nothing_of_the_library(name: str) -> None:
    text = (TEMPLATE_FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(
        r"jquery|select2|glyphicon|fa fa-|btn-default|panel-default|google|\sstyle=|\son\w+=", text, re.I
    )
    # A part that is included or extended is ours too.
    for part in re.findall(r"{%-?\s*(?:include|extends|import|from)\s+[\"']([^\"']+)", text):
        assert (TEMPLATE_FOLDER / part).is_file(), part


def test_no_file_of_the_library_is_served(office: FlaskClient) -> None:
    folder = THEIRS.parent / "static" / "appbuilder"
    theirs = [path.relative_to(folder) for path in folder.rglob("*") if path.suffix in {".js", ".css"}]
    assert len(theirs) > 10
    for path in theirs:
        assert office.get(f"/static/appbuilder/{path}").status_code == 404, path


def test_person_is_added_with_the_plain_form_and_found_with_the_plain_filter(office: FlaskClient) -> None:
    form = office.get("/users/add").text
    person = {
        "first_name": "敏",
        "last_name": "赵",
        "username": "zhaomin",
        "email": "zhaomin@example.com",
        "active": "y",
        "roles": re.findall(r'name="roles" value="(\d+)"', form)[:1],
        "password": "a long enough one",
        "conf_password": "a long enough one",
        "csrf_token": token_in(form),
    }
    assert office.post("/users/add", data=person).status_code == 302
    found = office.get("/users/list/?_flt_0_username=zhao").text
    assert "zhaomin@example.com" in found
    assert "wangfang@example.com" not in found
    assert re.search(r'<details class="panel filter-panel" open>', found)
    assert 'value="zhao"' in found


def test_person_without_a_role_is_refused_with_a_sentence(office: FlaskClient) -> None:
    form = office.get("/users/add").text
    person = {"first_name": "敏", "last_name": "赵", "username": "norole", "email": "norole@example.com", "active": "y"}
    secret = {"password": "a long enough one", "conf_password": "a long enough one"}
    answer = office.post("/users/add", data=person | secret | {"csrf_token": token_in(form)})
    assert answer.status_code == 200
    assert "norole@example.com" in answer.text
    assert "norole" not in office.get("/users/list/").text


def test_form_with_an_error_keeps_what_was_entered(office: FlaskClient) -> None:
    token = token_in(office.get("/users/add").text)
    entered = {"first_name": "敏", "username": "<keep me>", "csrf_token": token}
    answer = office.post("/users/add", data=entered)
    assert answer.status_code == 200
    assert 'value="&lt;keep me&gt;"' in answer.text
    assert 'href="#last_name"' in answer.text
    assert_only_our_markup(answer.text)


def test_deleting_needs_the_token_that_only_the_dialog_holds(office: FlaskClient, appbuilder_app: Flask) -> None:
    listed = office.get("/roles/list/").text
    assert 'data-confirm-action="/roles/delete/2"' in listed
    assert '<form method="get" action="/roles/delete' not in listed
    refused = office.post("/roles/delete/2")
    assert refused.status_code == 400
    assert "/roles/show/2" in office.get("/roles/list/").text


def test_rows_that_are_ticked_are_acted_on_together(office: FlaskClient) -> None:
    listed = office.get("/roles/list/").text
    assert '<form method="post" action="/roles/action_post" id="RoleModelView-rows"' in listed
    token = token_in(listed)
    ticked = {"action": "copyrole", "rowid": ["2"], "csrf_token": token}
    assert office.post("/roles/action_post", data=ticked).status_code == 302
    assert "Public copy" in office.get("/roles/list/").text
