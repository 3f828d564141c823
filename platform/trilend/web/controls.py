"""Renders the control of any form field with plain Bootstrap 5 markup, whatever widget the field was made with."""

from collections.abc import Callable

from markupsafe import Markup
from wtforms import Field, fields, widgets

from trilend.web.names import name_of

# Flask-AppBuilder's fields carry widgets made for jQuery plugins; by these names they are told apart from plain ones.
_LIBRARY_WIDGETS = "flask_appbuilder."


_CLASSES = {"check": "form-check-input", "select": "form-select", "checks": "form-select"}


def control_kind(field: Field) -> str:
    """What a field is on the page: check, checks, radios, select, file, textarea or input."""
    widget = _plain_widget(field)
    kinds: list[tuple[bool, str]] = [
        (isinstance(field, fields.BooleanField), "check"),
        (isinstance(field, fields.RadioField), "radios"),
        (isinstance(widget, widgets.Select) and bool(getattr(widget, "multiple", False)), "checks"),
        (isinstance(widget, widgets.Select), "select"),
        (isinstance(widget, widgets.FileInput), "file"),
        (isinstance(widget, widgets.TextArea), "textarea"),
    ]
    return next((kind for applies, kind in kinds if applies), "input")


def control(field: Field, **attributes: str | bool | None) -> Markup:
    """The control alone, without label, help and error; underscores in attribute names stand for hyphens."""
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value is not None}
    classes = [_CLASSES.get(control_kind(field), "form-control"), str(named.get("class", ""))]
    if field.errors:
        classes.append("is-invalid")
        named["aria-invalid"] = "true"
    named["class"] = " ".join(filter(None, classes))
    return _plain_widget(field)(field, **named)


def check_list(field: Field) -> list[tuple[str, str, bool]]:
    """The choices of a field: value, label, whether chosen."""
    return [(str(value), name_of(label), bool(chosen)) for value, label, chosen, *_ in field.iter_choices()]


def _plain_widget(field: Field) -> Callable[..., Markup]:
    own = field.widget
    widget: Callable[..., Markup] = own if not _is_of_library(own) else _replacement(field)
    return widget


def _is_of_library(widget: object) -> bool:
    return type(widget).__module__.startswith(_LIBRARY_WIDGETS)


def _replacement(field: Field) -> widgets.Select | widgets.TextArea | widgets.Input:
    widget = field.widget
    if isinstance(widget, widgets.Select):
        return widgets.Select(multiple="Many" in type(widget).__name__)
    if isinstance(widget, widgets.TextArea):
        return widgets.TextArea()
    if isinstance(widget, widgets.PasswordInput):
        return widgets.PasswordInput()
    return widgets.FileInput() if "Upload" in type(widget).__name__ else _input_of(field)


def _input_of(field: Field) -> widgets.Input:
    # DateField is a kind of DateTimeField in WTForms, so it is asked for first.
    by_type: list[tuple[type[Field], widgets.Input]] = [
        (fields.DateField, widgets.DateInput()),
        (fields.DateTimeField, widgets.TextInput()),
        (fields.IntegerField, widgets.NumberInput(step="1")),
    ]
    return next((widget for field_type, widget in by_type if isinstance(field, field_type)), widgets.TextInput())
