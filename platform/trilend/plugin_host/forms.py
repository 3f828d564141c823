"""The form of a connection, made from its plugin's manifest."""

from collections.abc import Mapping
from typing import Any

from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, IntegerField, PasswordField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Optional

from trilend.plugin_host.models import Connection
from trilend_sdk.manifest import Labels, Manifest

SECRET_PREFIX = "secret-"  # noqa: S105
CONFIG_PREFIX = "config-"


def connection_form(manifest: Manifest, existing: Connection | None, defaults: Mapping[str, str]) -> FlaskForm:
    """A form with the connection's name, a field for each configuration property and one for each secret.

    `defaults` fill a new connection's properties. Secrets come up empty: what is stored is never sent back.
    """
    locale = str(get_locale())
    fields: dict[str, Any] = {"name": StringField(_l("Name of the connection"), validators=[Length(max=100)])}
    required = set(manifest.config_schema.get("required", ()))
    for name, schema in manifest.config_schema.get("properties", {}).items():
        if schema.get("x-made-by-enrolment"):
            continue
        fields[CONFIG_PREFIX + name] = _config_field(schema, locale, required=name in required)
    for secret in manifest.secrets:
        if not secret.made_by_enrolment:
            kind = TextAreaField if secret.multiline else PasswordField
            hint = (
                _l("Stored. Enter a new one only to replace it.")
                if existing and existing.secrets.get(secret.name)
                else ""
            )
            fields[SECRET_PREFIX + secret.name] = kind(secret.labels.for_locale(locale), description=hint)
    values = {CONFIG_PREFIX + name: value for name, value in (existing.config if existing else defaults).items()}
    form_class = type("ConnectionForm", (FlaskForm,), fields)
    return form_class(data=values | {"name": existing.name if existing else ""})


def entered(form: FlaskForm, prefix: str) -> dict[str, Any]:
    """The values of the form's fields with this prefix, without it."""
    return {
        name.removeprefix(prefix): field.data.strip() if isinstance(field.data, str) else field.data
        for name, field in form._fields.items()
        if name.startswith(prefix)
    }


def _config_field(schema: dict[str, Any], locale: str, *, required: bool) -> Field:
    label = _label(schema.get("x-labels"), locale)
    hint = _label(schema.get("x-help"), locale)
    if "enum" in schema:
        return SelectField(label, description=hint, choices=[SelectChoice(value, value) for value in schema["enum"]])
    if schema.get("type") == "integer":
        return IntegerField(label, description=hint, validators=[Optional()])
    kind = TextAreaField if schema.get("format") == "multiline" else StringField
    field: Field = kind(label, description=hint, render_kw={"aria-required": "true"} if required else None)
    return field


def _label(labels: dict[str, str] | None, locale: str) -> str:
    return Labels.model_validate(labels).for_locale(locale) if labels else ""
