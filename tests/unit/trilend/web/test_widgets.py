"""The widgets' markup: what a screen reader, a keyboard and a page without scripts are given."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from flask_appbuilder.fieldwidgets import BS3TextFieldWidget, DatePickerWidget, Select2ManyWidget, Select2Widget
from flask_appbuilder.upload import BS3FileUploadFieldWidget
from wtforms import (
    DateField,
    DecimalField,
    Form,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.fields import Field
from wtforms.validators import DataRequired
from wtforms.widgets import Select

from trilend.web.appbuilder_pages import action_icon, list_value, shown_value
from trilend.web.assets import TEMPLATE_FOLDER
from trilend.web.controls import control, control_kind
from trilend.web.gallery import install_gallery
from trilend.web.language import install_languages
from trilend.web.shell import ShellContext, install_shell

CHOICES = [SelectChoice(str(number), f"Product {number}") for number in range(1, 13)]


class LoanForm(Form):
    """An application, with the widgets of the library in some places."""

    amount = DecimalField("Amount", validators=[DataRequired()], description="At least 1,000")
    name = StringField("Name", widget=BS3TextFieldWidget())
    due = DateField("First due", widget=DatePickerWidget())
    purpose = SelectField("Purpose", choices=CHOICES, widget=Select2Widget())
    products = SelectMultipleField("Products", choices=CHOICES, widget=Select2ManyWidget())
    licence = StringField("Licence", widget=BS3FileUploadFieldWidget())
    kind = RadioField("Kind", choices=CHOICES[:2])


def drawn(app: Flask, source: str, **values: object) -> str:
    with app.test_request_context("/loans?lang=en&page=2"):
        return render_template_string('{% import "trilend/widgets.html" as ui %}' + source, **values)


def test_field_ties_label_help_and_error_to_its_control(app: Flask) -> None:
    form = LoanForm(data={})
    form.validate()
    markup = drawn(app, '{{ ui.field(form.amount, kind="money") }}', form=form)
    assert '<label class="form-label required" for="amount">Amount</label>' in markup
    assert 'aria-describedby="amount-help amount-error"' in markup
    assert 'aria-invalid="true"' in markup
    assert '<div class="form-hint" id="amount-help">At least 1,000</div>' in markup
    assert 'id="amount-error"' in markup
    assert "This field is required." in markup
    assert '<span class="input-group-text">yuan</span>' in markup
    assert 'class="form-control number-input is-invalid"' in markup


def test_attributes_reach_the_control(app: Flask) -> None:
    markup = drawn(app, '{{ ui.field(form.name, hx_get="/x", autofocus=true, label="Full name") }}', form=LoanForm())
    assert 'hx-get="/x"' in markup
    assert "autofocus" in markup
    assert ">Full name</label>" in markup


@pytest.mark.parametrize(
    ("name", "kind", "part"),
    [
        ("name", "input", '<input class="form-control" id="name" name="name" type="text" value="">'),
        ("due", "input", 'type="date"'),
        ("purpose", "select", '<select class="form-select" id="purpose" name="purpose">'),
        ("licence", "file", 'type="file"'),
    ],
)
def test_widgets_of_the_library_are_drawn_plain(name: str, kind: str, part: str) -> None:
    field: Field = LoanForm()[name]
    assert control_kind(field) == kind
    assert part in control(field)


def test_many_choices_become_boxes_that_can_be_filtered(app: Flask) -> None:
    form = LoanForm(data={"products": ["3", "7"]})
    assert control_kind(form.products) == "checks"
    markup = drawn(app, "{{ ui.field(form.products) }}", form=form)
    assert markup.count('type="checkbox" class="form-check-input" name="products"') == 12
    assert markup.count("checked") == 2
    assert "data-pick-filter" in markup
    assert "<select" not in markup
    assert isinstance(LoanForm().products.widget, Select)


def test_choices_that_exclude_each_other_become_radio_buttons(app: Flask) -> None:
    markup = drawn(app, "{{ ui.field(form.kind) }}", form=LoanForm(data={"kind": "2"}))
    assert markup.count('type="radio"') == 2
    assert 'value="2" checked' in markup
    assert "<legend" in markup


def test_summary_leads_to_each_field_in_error(app: Flask) -> None:
    form = LoanForm(data={})
    form.amount.errors = ["Too much."]
    markup = drawn(app, "{{ ui.errors_summary(form) }}", form=form)
    assert "One entry needs your attention." in markup
    assert '<a href="#amount">Amount</a> · Too much.' in markup
    assert drawn(app, "{{ ui.errors_summary(form) }}", form=LoanForm()).strip() == ""


def test_sorted_column_says_so_and_turns_round(app: Flask) -> None:
    columns = [{"key": "sum", "label": "Sum", "sortable": True, "numeric": True}, {"key": "", "label": ""}]
    cells = "{{ ui.money_cell(row) }}<td></td>"
    source = '{% call(row) ui.data_table(columns, rows, "Loans", sort="sum") %}' + cells + "{% endcall %}"
    markup = drawn(app, source, columns=columns, rows=[Decimal("-1234.5")])
    assert 'aria-sort="ascending"' in markup
    assert 'href="/loans?lang=en&amp;sort=-sum"' in markup
    assert '<caption class="visually-hidden">Loans</caption>' in markup
    assert '<td class="numeric  negative">-1,234.50</td>' in markup
    assert '<span class="visually-hidden">Actions</span>' in markup


def test_pager_shows_the_neighbours_and_both_ends(app: Flask) -> None:
    markup = drawn(app, "{{ ui.pager(6, 20, 215) }}")
    assert "215 records" in markup
    assert "101–120" in markup
    assert '<span class="pager-link current" aria-current="page">6</span>' in markup
    assert [f'page={number}"' in markup for number in (1, 3, 4, 5, 7, 8, 9, 11)] == [
        True, False, True, True, True, True, False, True,
    ]  # fmt: skip
    assert "pager-links" not in drawn(app, "{{ ui.pager(1, 20, 20) }}")
    assert "0 records" in drawn(app, "{{ ui.pager(1, 20, 0) }}")


def test_nothing_is_sent_before_it_is_confirmed(app: Flask) -> None:
    markup = drawn(app, '{{ ui.confirm_dialog("pay", "Pay", "Pay 500.00?", "It cannot be undone.", "/pay") }}')
    opener, dialog = markup.split("<dialog")
    assert 'type="button"' in opener
    assert "<form" not in opener
    assert '<form method="post" action="/pay"' in dialog
    assert "It cannot be undone." in dialog
    assert 'name="csrf_token"' in dialog
    row = drawn(app, '{{ ui.confirm_button("Delete", "Delete it?", "For good.", "/delete/7") }}')
    assert "<form" not in row
    assert 'data-confirm-action="/delete/7"' in row


def test_progress_asks_again_only_until_it_is_over(app: Flask) -> None:
    running = drawn(app, '{{ ui.progress("eod", "End of day", 3, 10, "/eod") }}')
    assert 'hx-get="/eod" hx-trigger="load delay:1s"' in running
    assert 'max="10" value="3"' in running
    for ended in ("finished=true", "failed=true"):
        assert "hx-get" not in drawn(app, f'{{{{ ui.progress("eod", "End of day", 3, 10, "/eod", {ended}) }}}}')


def test_revealing_asks_for_a_reason(app: Flask) -> None:
    source = '{{ ui.masked_value("id-1", "3301****1234", "/reveal/1", label="resident id") }}'
    markup = drawn(app, source)
    assert "3301****1234" in markup
    assert 'name="reason" required' in markup
    assert 'hx-post="/reveal/1" hx-target="#id-1"' in markup
    assert "<button" not in drawn(app, '{{ ui.masked_value("id-1", "3301****1234") }}')


def test_every_macro_is_offered_under_the_one_import(app: Flask) -> None:
    offered = (TEMPLATE_FOLDER / "trilend" / "widgets.html").read_text(encoding="utf-8")
    inner = {"notes", "pager_link", "plain_control", "tone_of"}
    for file in (TEMPLATE_FOLDER / "trilend" / "widgets").glob("*.html"):
        for name in set(re.findall(r"{% macro (\w+)\(", file.read_text(encoding="utf-8"))) - inner:
            assert f"{{% set {name} = {file.stem}.{name} %}}" in offered


def test_texts_of_people_are_escaped(app: Flask) -> None:
    evil = "<img src=x onerror=alert(1)>"
    sources = (
        "{{ ui.alert(evil) }}",
        '{{ ui.empty_state("inbox", evil) }}',
        "{{ ui.description_list([(evil, evil)]) }}",
        '{{ ui.steps([{"label": evil, "state": "done", "note": evil}]) }}',
        '{{ ui.timeline([{"at": at, "title": evil, "text": evil, "by": evil}]) }}',
        '{{ ui.file_list([{"name": evil, "url": "#"}]) }}',
        '{{ ui.secret_once("s", evil, evil) }}',
        "{{ ui.confirm_button(evil, evil, evil, evil) }}",
        '{{ ui.masked_value("m", evil, "/r", label=evil) }}',
        '{{ ui.tabs([{"label": evil, "url": "#", "active": true}], evil) }}',
    )
    for source in sources:
        markup = drawn(app, source, evil=evil, at=datetime(2026, 3, 31, tzinfo=UTC))
        assert "<img" not in markup, source
        assert "&lt;img" in markup, source


def test_values_of_records_are_readable(app: Flask) -> None:
    with app.test_request_context("/?lang=en"):
        assert shown_value(None) == "—"
        assert "Yes" in shown_value(True)
        assert "No" in shown_value(False)
        assert shown_value(datetime(2026, 3, 31, 1, 5, tzinfo=UTC)) == "2026-03-31 09:05"
        assert shown_value(Decimal("1234567.8900")) == "1,234,567.8900"
        assert shown_value([]) == "—"
        assert "&lt;b&gt;" in shown_value(["<b>"])
        six = list_value(["a", "b", "c", "d", "e", "f"])
        assert six.count("member-badge") == 4
        assert "and 2 more" in six
        assert shown_value(["a", "b", "c", "d", "e"]).count("member-badge") == 5


def test_action_icons_of_both_families_are_understood() -> None:
    assert action_icon("fa-lock") == "lock"
    assert action_icon("fa fa-copy") == "copy"
    assert action_icon("signature") == "signature"
    assert action_icon("fa-unheard-of") == "bolt"
    assert action_icon(None) == "bolt"


@pytest.fixture
def showroom() -> FlaskClient:
    app = Flask("showroom")
    app.config.update(SECRET_KEY="for this test only", TRILEND_GALLERY=True, WTF_CSRF_ENABLED=False)
    install_languages(app, [])
    install_shell(app, lambda: ShellContext(person_name="Zhao Min"))
    install_gallery(app)
    return app.test_client()


@pytest.mark.parametrize("address", ["/_gallery/", "/_gallery/public", "/_gallery/bare", "/_gallery/progress/3"])
def test_gallery_shows_every_widget(showroom: FlaskClient, address: str) -> None:
    answer = showroom.get(address)
    assert answer.status_code == 200
    assert " style=" not in answer.text


def test_gallery_shows_errors_when_its_form_is_sent_empty(showroom: FlaskClient) -> None:
    answer = showroom.post("/_gallery/?lang=en", data={})
    assert answer.text.count('class="form-error"') >= 3
    assert "entries need your attention" in answer.text


def test_gallery_is_closed_unless_asked_for(client: FlaskClient, app: Flask) -> None:
    install_gallery(app)
    assert client.get("/_gallery/").status_code == 404
