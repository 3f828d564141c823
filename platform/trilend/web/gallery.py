"""Every widget in every state on one page, for those who build pages; only where `TRILEND_GALLERY` is set."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from flask import Blueprint, Flask, make_response, render_template, request
from flask_babel import gettext
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import (
    BooleanField,
    DateField,
    DecimalField,
    FileField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, Length, NumberRange

from trilend.web.assets import icon_names
from trilend.web.badges import STATES
from trilend.web.formats import money

SWITCH = "TRILEND_GALLERY"

blueprint = Blueprint("trilend_gallery", __name__, url_prefix="/_gallery")

_PURPOSES = ("经营周转", "设备购置", "原材料采购", "农业生产", "个人消费")
_PRODUCTS = [SelectChoice(str(number), f"产品 {number:02d}") for number in range(1, 25)]
_KINDS = [
    SelectChoice("microfinance", "小额贷款"),
    SelectChoice("guarantee", "融资担保"),
    SelectChoice("broker", "助贷"),
]


class SampleForm(FlaskForm):  # type: ignore[misc]
    """One field of each sort."""

    name = StringField("姓名", validators=[DataRequired(), Length(max=40)], description="与身份证一致。")
    amount = DecimalField("申请金额", validators=[DataRequired(), NumberRange(min=Decimal(1000))])
    months = IntegerField("期数", validators=[DataRequired()])
    rate = DecimalField("年利率")
    purpose = SelectField("用途", choices=[SelectChoice(purpose) for purpose in _PURPOSES])
    first_due = DateField("首期还款日")
    password = PasswordField("密码")
    file = FileField("营业执照")
    kind = RadioField("公司类型", choices=_KINDS)
    products = SelectMultipleField("可用产品", choices=_PRODUCTS)
    agreed = BooleanField("我已阅读并同意授权书")
    note = TextAreaField("备注")


@dataclass(frozen=True)
class SampleLoan:
    """A row of the sample table."""

    number: str
    borrower: str
    principal: Decimal
    balance: Decimal
    rate: Decimal
    due: date
    state: str


_LOANS = (
    SampleLoan(
        "XD2026-0001", "李建国", Decimal(500000), Decimal("412345.67"), Decimal("0.128"), date(2026, 4, 15), "active"
    ),
    SampleLoan(
        "XD2026-0002",
        "杭州明达机械有限公司",
        Decimal(3000000),
        Decimal(3000000),
        Decimal("0.108"),
        date(2026, 3, 20),
        "overdue",
    ),
    SampleLoan(
        "XD2025-0917", "䶮泽农业合作社", Decimal(80000), Decimal(0), Decimal("0.0975"), date(2026, 2, 28), "settled"
    ),
    SampleLoan(
        "XD2025-0916", "陈晓燕", Decimal(120000), Decimal("-35.20"), Decimal("0.15"), date(2026, 4, 1), "pending"
    ),
)

_COMING = [
    {"label": f"2026-04-{day:02d}", "short": f"04-{day:02d}", "value": amount, "shown": money(amount)}
    for day, amount in ((day, Decimal(day * 7919 % 13 * 10000)) for day in range(1, 31))
]


def install_gallery(app: Flask) -> None:
    """Serves the gallery under `/_gallery` if the app's configuration asks for it."""
    if app.config.get(SWITCH) is True:
        app.register_blueprint(blueprint)


@blueprint.route("/", methods=["GET", "POST"])
def widgets() -> str:
    """The widgets of the working pages; sending the empty form shows the errors."""
    form = SampleForm(kind="microfinance", products=["3", "7"])
    if request.method == "POST":
        form.validate()
    return render_template(
        "trilend/gallery/widgets.html",
        form=form,
        loans=_LOANS,
        states=STATES,
        now=datetime(2026, 3, 31, 1, 5, tzinfo=UTC),
        icons=sorted(icon_names()),
        coming=_COMING,
    )


@blueprint.get("/public")
def public_blocks() -> str:
    """The blocks of the public site, arranged as a landing page."""
    return render_template("trilend/gallery/public.html")


@blueprint.get("/bare")
def bare_page() -> str:
    """The frame of sign-in and signing pages."""
    return render_template("trilend/gallery/bare.html", form=SampleForm(kind="microfinance"))


@blueprint.get("/progress/<int:done>")
def progress_step(done: int) -> str:
    """One answer to a polling progress bar, ten steps long."""
    return render_template("trilend/gallery/progress.html", done=done + 1, total=10)


@blueprint.post("/reveal")
def reveal() -> Response:
    """The sample value unmasked."""
    if not request.form.get("reason"):
        return make_response(gettext("Give a reason."), 422)
    return make_response("13800138000")
