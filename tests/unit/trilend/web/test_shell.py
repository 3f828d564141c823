"""The frame of a page: headers, static files, error pages and what is told about the reader."""

import gzip
import re
from datetime import date

import pytest
from flask import Flask, abort, render_template_string
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

from trilend.web import assets
from trilend.web.language import install_languages
from trilend.web.shell import (
    NavGroup,
    NavItem,
    ShellContext,
    allow_framing_by_this_site,
    answer_errors_under,
    install_shell,
)

PAGE = """{% extends "trilend/page.html" %}{% block title %}Loans{% endblock %}{% block content %}ok{% endblock %}"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-src 'self'; manifest-src 'self'; "
    "frame-ancestors 'none'"
)


def teller() -> ShellContext:
    """A clerk of a guarantee company, looking at loans."""
    loans = NavItem("Loans", "/loans", "coin", active=True)
    return ShellContext(
        face="tenant",
        company_name="Hengtai & Sons",
        kind_label="Guarantee",
        person_name="Zhao Min",
        business_date=date(2026, 3, 31),
        navigation=(NavGroup("Business", (loans, NavItem("Reports", "/reports", "report"))),),
        account_url="/account",
        sign_out_url="/out",
        environment_banner="Rehearsal",
    )


@pytest.fixture
def desk() -> Flask:
    app = Flask("desk")
    app.config.update(SECRET_KEY="for this test only")
    install_languages(app, [])
    install_shell(app, teller)
    app.add_url_rule("/loans", "loans", view_func=lambda: render_template_string(PAGE))
    return app


def test_page_tells_who_is_at_work_where_and_when(desk: Flask) -> None:
    page = desk.test_client().get("/loans?lang=en").text
    assert "<title>Loans · Hengtai &amp; Sons</title>" in page
    assert '<html lang="en"' in page
    assert '<time datetime="2026-03-31">2026-03-31</time>' in page
    assert re.search(r'class="side-nav-link active" href="/loans" aria-current="page"', page)
    assert page.count('aria-current="page"') == 1
    assert 'href="/account"' in page
    assert 'href="/out"' in page
    assert '<div class="environment-banner" role="note">Rehearsal</div>' in page
    assert '<h1 class="page-head-title">Loans</h1>' in page


def test_face_is_asked_once_a_request() -> None:
    asked = []
    app = Flask("counting")
    app.config.update(SECRET_KEY="for this test only")
    install_languages(app, [])
    install_shell(app, lambda: asked.append(1) or teller())  # type: ignore[func-returns-value]
    app.add_url_rule("/", view_func=lambda: render_template_string(PAGE))
    client = app.test_client()
    client.get("/")
    client.get("/")
    assert len(asked) == 2
    client.get("/static/trilend/trilend.css").close()
    assert len(asked) == 2


def test_every_response_carries_the_security_headers(desk: Flask) -> None:
    for address in ("/loans", "/nowhere", "/static/trilend/trilend.css"):
        with desk.test_client().get(address) as answer:
            headers = answer.headers
        assert headers["Content-Security-Policy"] == POLICY
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "microphone=()" in headers["Permissions-Policy"]
        assert "Strict-Transport-Security" not in headers
    assert "Strict-Transport-Security" in desk.test_client().get("/loans", base_url="https://localhost").headers


def test_view_may_let_this_site_frame_its_own_response(desk: Flask) -> None:
    @desk.get("/preview")
    def preview() -> str:
        allow_framing_by_this_site()
        return "a document"

    client = desk.test_client()
    preview_headers = client.get("/preview").headers
    assert preview_headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")
    assert preview_headers["X-Frame-Options"] == "SAMEORIGIN"
    assert client.get("/loans").headers["Content-Security-Policy"] == POLICY


def test_static_file_is_kept_for_a_year_only_under_its_own_stamp(desk: Flask) -> None:
    client = desk.test_client()
    stamp = assets.content_stamp("trilend.css")
    with client.get(f"/static/trilend/trilend.css?v={stamp}") as kept:
        assert kept.headers["Cache-Control"] == "public, max-age=31536000"
        assert "Set-Cookie" not in kept.headers
    for address in ("/static/trilend/trilend.css?v=older", "/static/trilend/trilend.css"):
        with client.get(address) as checked:
            assert checked.headers["Cache-Control"] == "no-cache"
    assert client.get("/static/trilend/../shell.py").status_code == 404


def test_page_names_only_static_files_that_exist(desk: Flask) -> None:
    client = desk.test_client()
    addresses = set(re.findall(r'(?:src|href)="(/static/[^"#]+)', client.get("/loans").text))
    assert len(addresses) >= 6
    for address in addresses:
        with client.get(address) as answer:
            assert answer.status_code == 200, address


def test_icon_is_hidden_from_screen_readers_unless_it_has_a_label(desk: Flask) -> None:
    with desk.test_request_context():
        assert 'aria-hidden="true"' in assets.icon("coin")
        assert 'role="img" aria-label="a &lt;b&gt;"' in assets.icon("coin", label="a <b>")
        with pytest.raises(KeyError, match="no icon named 'unicorn'"):
            assets.icon("unicorn")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 429, 500, 503])
def test_error_page_says_what_to_do_and_names_the_request(desk: Flask, status: int) -> None:
    desk.add_url_rule("/fails", "fails", view_func=lambda: abort(status))
    answer = desk.test_client().get("/fails?lang=en", headers={"X-Request-ID": "proxy-0001"})
    assert answer.status_code == status
    assert answer.headers["X-Request-ID"] == "proxy-0001"
    assert f"Error {status}" in answer.text
    assert "<code>proxy-0001</code>" in answer.text
    assert "data-error-message" in answer.text
    signed_in = "Hengtai" in answer.text
    assert signed_in is (status < 500)


def test_sentence_given_with_a_refusal_is_shown_escaped(desk: Flask) -> None:
    desk.add_url_rule("/fails", "fails", view_func=lambda: abort(409, "The loan <7> is settled."))
    page = desk.test_client().get("/fails?lang=en").text
    assert "The loan &lt;7&gt; is settled." in page
    assert "reload the page to see the latest state" in page


def test_malformed_request_number_is_replaced(desk: Flask) -> None:
    answer = desk.test_client().get("/nowhere", headers={"X-Request-ID": "<script>alert(1)</script>"})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert "<script>alert" not in answer.text


def test_page_still_tells_of_an_error_when_the_face_itself_fails() -> None:
    def broken() -> ShellContext:
        raise ConnectionError("no database")

    app = Flask("broken")
    app.config.update(SECRET_KEY="for this test only")
    install_languages(app, [])
    install_shell(app, broken)
    app.add_url_rule("/", view_func=lambda: render_template_string(PAGE))
    for address in ("/", "/nowhere"):
        answer = app.test_client().get(address + "?lang=en")
        assert answer.status_code == 500
        assert "Something went wrong on our side" in answer.text
        assert "no database" not in answer.text


def test_interfaces_of_machines_keep_their_own_errors(desk: Flask) -> None:
    client = desk.test_client()
    assert "data-error-message" not in client.get("/api/v1/nowhere").text
    assert client.get("/oauth/nowhere").status_code == 404

    def problem(error: HTTPException) -> tuple[dict[str, int | None], int]:
        return {"status": error.code}, error.code or 500

    answer_errors_under(desk, "/api/", problem)
    answer = client.get("/api/v1/nowhere")
    assert answer.status_code == 404
    assert answer.json == {"status": 404}


def test_form_left_open_too_long_is_told_so(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/pay", view_func=lambda: "paid", methods=["POST"])
    answer = client.post("/pay?lang=en")
    assert answer.status_code == 400
    assert "This page was open for too long" in answer.text
    assert "Nothing was changed" in answer.text


def test_page_looks_as_the_browser_has_chosen(desk: Flask) -> None:
    client = desk.test_client()
    dark = re.compile(r'<link rel="stylesheet" href="[^"]*dark\.css[^"]*" media="([^"]+)">')

    def shown() -> str | None:
        found = dark.search(client.get("/loans").text)
        return found[1] if found else None

    assert shown() == "screen and (prefers-color-scheme: dark)"
    answer = client.get("/appearance?to=dark&next=/loans")
    assert (answer.status_code, answer.location) == (302, "/loans")
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert shown() == "screen"
    client.get("/appearance?to=pink")
    assert shown() == "screen"
    client.get("/appearance?to=light")
    assert shown() is None
    assert client.get("/appearance?to=light&next=https://elsewhere.example/").location == "/"


def test_ordinary_page_weighs_little_and_paints_before_its_scripts(desk: Flask) -> None:
    client = desk.test_client()
    page = client.get("/loans").text
    scripts = re.findall(r"<script [^>]*>", page)
    assert len(scripts) == len(assets.SCRIPTS) + len(assets.MODULES)
    assert [tag for tag in scripts if " defer" not in tag and 'type="module"' not in tag] == []
    weighed = {}
    for address in re.findall(r'(?:src|href)="(/static/[^"]+\.(?:css|js)\?[^"]*)"', page):
        with client.get(address, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip", address
            assert answer.headers["Vary"] == "Accept-Encoding"
            weighed[address] = len(answer.data)
    assert len(weighed) == len(assets.SCRIPTS) + len(assets.MODULES) + len(assets.STYLESHEETS) + 1
    assert sum(weighed.values()) <= 200_000, weighed
    assert not any("echarts" in address for address in weighed)


def test_file_goes_as_it_is_to_who_takes_nothing_else(desk: Flask) -> None:
    client = desk.test_client()
    with client.get("/static/trilend/trilend.css") as plain:
        assert "Content-Encoding" not in plain.headers
        assert plain.data == (assets.STATIC_FOLDER / "trilend.css").read_bytes()
        stamp = plain.headers["ETag"]
    with client.get("/static/trilend/trilend.css", headers={"Accept-Encoding": "gzip"}) as packed:
        assert gzip.decompress(packed.data) == (assets.STATIC_FOLDER / "trilend.css").read_bytes()
    with client.get("/static/trilend/trilend.css", headers={"If-None-Match": stamp}) as known:
        assert known.status_code == 304


def test_line_of_the_menu_has_its_key(desk: Flask) -> None:
    def walker() -> ShellContext:
        loans = NavItem("Loans", "/loans", "coin", key="l")
        return ShellContext(face="tenant", person_name="Zhao Min", navigation=(NavGroup("", (loans,)),))

    app = Flask("keys")
    app.config.update(SECRET_KEY="for this test only")
    install_languages(app, [])
    install_shell(app, walker)
    app.add_url_rule("/", view_func=lambda: render_template_string(PAGE))
    page = app.test_client().get("/?lang=en").text
    assert 'data-go-key="l"' in page
    assert "<dt><kbd>g</kbd> <kbd>l</kbd></dt><dd>Loans</dd>" in page
