"""Pages of dated figures."""

from decimal import Decimal, InvalidOperation

from flask import flash, redirect, render_template, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import DateField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, Length

from trilend.identity.access import page
from trilend.identity.service import signed_in_actor
from trilend.parameters.labels import label_of
from trilend.parameters.service import all_parameters, business_date, set_parameter
from trilend.tenancy.context import tenant_session


class ParameterForm(FlaskForm):  # type: ignore[misc]
    """A figure from a date on."""

    name = SelectField(_l("Figure"))
    value = StringField(_l("Value"), validators=[InputRequired(_l("Enter the value."))])
    effective_from = DateField(_l("In force from"), validators=[InputRequired(_l("Enter the date."))])
    legal_basis = StringField(_l("Basis"), validators=[Length(max=300)], description=_l("Law, notice or decision"))


class ParametersView(BaseView):  # type: ignore[misc]
    """Figures the company works by."""

    route_base = "/parameters"
    class_permission_name = "Parameters"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str:
        """All figures with their dates and basis."""
        return render_template("parameters/list.html", parameters=all_parameters(tenant_session()), label_of=label_of)

    @page("/set", permission="edit", methods=("GET", "POST"))
    def change(self) -> str | Response | tuple[str, int]:
        """Set a figure from a date on."""
        session = tenant_session()
        known = {row.name: row.unit for row in all_parameters(session)} | {"net_assets": "CNY"}
        form = ParameterForm(effective_from=business_date(session))
        form.name.choices = sorted(
            (SelectChoice(name, str(label_of(name))) for name in known), key=lambda choice: choice.label
        )
        status = 200
        if form.validate_on_submit():
            value = _number(form.value.data)
            if value is not None:
                set_parameter(
                    session,
                    signed_in_actor(),
                    name=form.name.data,
                    value=value / 100 if known[form.name.data] == "rate" else value,
                    unit=known[form.name.data],
                    effective_from=form.effective_from.data,
                    legal_basis=form.legal_basis.data or "",
                )
                session.commit()
                flash(gettext("The figure is set."), "success")
                return redirect(url_for(".overview"))
            form.value.errors = [gettext("This is not a number.")]
        if form.is_submitted():
            status = 422
        return render_template("parameters/form.html", form=form, units=known), status


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text.replace(",", "").replace("%", "").strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
