"""Which language a page comes in, and that switching cannot lead anywhere else."""

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from trilend.web.catalogs import compile_catalogues
from trilend.web.language import CATALOGUES, safe_return_path

GREETING = "{{ _('Sign in') }}|{{ html_language(shell.language) }}"


class NameForm(FlaskForm):
    """A form with one required field."""

    name = StringField("Name", validators=[DataRequired()])
    code = StringField("Code", validators=[Length(min=4)])


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    compile_catalogues(CATALOGUES.parent)


@pytest.fixture
def greeting(app: Flask, client: FlaskClient) -> FlaskClient:
    app.add_url_rule("/", view_func=lambda: render_template_string(GREETING))
    return client


@pytest.mark.parametrize(
    ("accepted", "shown"),
    [
        ("", "登录|zh-Hans"),
        ("fr", "登录|zh-Hans"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "登录|zh-Hans"),
        ("zh-TW,zh;q=0.9", "登入|zh-Hant"),
        ("zh-HK", "登入|zh-Hant"),
        ("zh-Hant-HK", "登入|zh-Hant"),
        ("en-GB,en;q=0.9", "Sign in|en"),
        ("en-NZ,zh-CN;q=0.5", "Sign in|en"),
        ("fr-FR,en;q=0.5", "Sign in|en"),
    ],
)
def test_browser_chooses_until_the_person_does(greeting: FlaskClient, accepted: str, shown: str) -> None:
    assert greeting.get("/", headers={"Accept-Language": accepted}).text == shown


def test_choice_of_a_person_outlives_the_request(greeting: FlaskClient) -> None:
    english = {"Accept-Language": "en"}
    assert greeting.get("/?lang=zh_Hant_HK", headers=english).text == "登入|zh-Hant"
    assert greeting.get("/", headers=english).text == "登入|zh-Hant"
    assert greeting.get("/?lang=xx", headers=english).text == "登入|zh-Hant"


def test_switching_returns_to_the_page(greeting: FlaskClient) -> None:
    answer = greeting.get("/language?to=en&next=/loans?page=2")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/loans?page=2"
    assert greeting.get("/").text == "Sign in|en"
    greeting.get("/language?to=xx")
    assert greeting.get("/").text == "Sign in|en"


@pytest.mark.parametrize(
    "away",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/a\\b",
        "javascript:alert(1)",
        "",
        "/\t/evil.example",
    ],
)
def test_switching_leads_nowhere_else(away: str) -> None:
    assert safe_return_path(away) == "/"


@pytest.mark.parametrize(
    ("language", "required", "short"),
    [
        ("zh_Hans", "请填写此项。", "至少 4 个字。"),
        ("zh_Hant_HK", "請填寫此項。", "至少 4 個字。"),
        ("en", "This field is required.", "Field must be at least 4 characters long."),
    ],
)
def test_forms_speak_the_language_of_the_page(app: Flask, language: str, required: str, short: str) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    with app.test_request_context(f"/?lang={language}", method="POST", data={"code": "abc"}):
        app.preprocess_request()
        form = NameForm()
        assert not form.validate()
        assert form.name.errors == [required]
        assert form.code.errors == [short]


@pytest.mark.parametrize(
    ("language", "title", "label"),
    [("zh_Hans", "新增用户", "用户名"), ("zh_Hant_HK", "新增用戶", "用戶名"), ("en", "Add User", "User Name")],
)
def test_user_administration_speaks_all_languages(office: FlaskClient, language: str, title: str, label: str) -> None:
    page = office.get(f"/users/add?lang={language}").text
    assert f'<h1 class="page-head-title">{title}</h1>' in page
    assert f">{label}</label>" in page
    office.get("/language?to=zh_Hans")
