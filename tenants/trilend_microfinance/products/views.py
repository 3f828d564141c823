"""Pages of loan products."""

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import DecimalField, IntegerField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Regexp

from trilend.errors import TrilendError
from trilend.identity.access import page
from trilend.identity.service import signed_in_actor
from trilend.tenancy.context import tenant_session
from trilend.web.notices import flash_undo
from trilend_microfinance.products.labels import DAY_COUNTS, HOLIDAY_RULES, INTEREST_UNITS, METHODS, ROUNDINGS
from trilend_microfinance.products.service import add_product, product, products, set_active

_NEEDED = InputRequired(_l("This field is needed."))


class ProductForm(FlaskForm):  # type: ignore[misc]
    """A new product."""

    code = StringField(
        _l("Code"),
        validators=[_NEEDED, Regexp(r"^[A-Za-z0-9-]{1,16}$", message=_l("Use up to 16 letters, digits and hyphens."))],
    )
    name = StringField(_l("Name"), validators=[_NEEDED, Length(max=100)])
    method = SelectField(_l("Repayment method"), choices=[SelectChoice(*pair) for pair in METHODS.items()])
    day_count = SelectField(_l("Day count"), choices=[SelectChoice(*pair) for pair in DAY_COUNTS.items()])
    interest_unit = SelectField(
        _l("Interest runs by"), choices=[SelectChoice(*pair) for pair in INTEREST_UNITS.items()]
    )
    rounding_mode = SelectField(_l("Rounding"), choices=[SelectChoice(*pair) for pair in ROUNDINGS.items()])
    rounding_places = IntegerField(_l("Decimal places"), default=2, validators=[NumberRange(0, 2, _l("0, 1 or 2."))])
    holiday_rule = SelectField(
        _l("Due date on a holiday"), choices=[SelectChoice(*pair) for pair in HOLIDAY_RULES.items()]
    )
    min_amount = DecimalField(_l("Least amount"), places=2, default=1000, validators=[_NEEDED, NumberRange(min=1)])
    max_amount = DecimalField(_l("Largest amount"), places=2, validators=[_NEEDED, NumberRange(min=1)])
    min_periods = IntegerField(_l("Shortest term (months)"), default=1, validators=[_NEEDED, NumberRange(1, 600)])
    max_periods = IntegerField(_l("Longest term (months)"), default=36, validators=[_NEEDED, NumberRange(1, 600)])
    max_annual_rate = DecimalField(
        _l("Highest annual rate (%)"), places=2, default=24, validators=[_NEEDED, NumberRange(0.01, 100)]
    )
    grace_days = IntegerField(_l("Days of grace"), default=0, validators=[NumberRange(0, 30)])


class ProductsView(BaseView):  # type: ignore[misc]
    """What the company lends."""

    route_base = "/products"
    class_permission_name = "Products"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str:
        """All products."""
        return render_template(
            "microfinance/products.html", products=products(tenant_session()), methods=METHODS, day_counts=DAY_COUNTS
        )

    @page("/new", permission="add", methods=("GET", "POST"))
    def add(self) -> str | Response | tuple[str, int]:
        """Add a product."""
        form = ProductForm()
        session = tenant_session()
        status = 200
        if form.validate_on_submit():
            values = {name: field.data for name, field in form._fields.items() if name != "csrf_token"}
            values["max_annual_rate"] /= 100
            try:
                added = add_product(session, signed_in_actor(), values)
            except TrilendError as error:
                form[error.details["field"]].errors = [error.message]
                status = error.status
            else:
                session.commit()
                flash(gettext("%(name)s can be lent from now on.", name=added.name), "success")
                return redirect(url_for(".overview"))
        elif form.is_submitted():
            status = 422
        return render_template("microfinance/product_form.html", form=form), status

    @page("/<int:product_id>/active", permission="add", methods=("POST",))
    def toggle(self, product_id: int) -> Response:
        """Offer a product again, or stop offering it; says so with the way back."""
        session = tenant_session()
        found = product(session, product_id)
        wanted = request.form.get("active") == "yes"
        if found.active != wanted:
            set_active(session, signed_in_actor(), found, active=wanted)
            session.commit()
            said = (
                gettext("%(name)s is offered again.", name=found.name)
                if wanted
                else gettext("%(name)s is no longer offered.", name=found.name)
            )
            flash_undo(said, url_for(".toggle", product_id=product_id), {"active": "no" if wanted else "yes"})
        return redirect(url_for(".overview"))
