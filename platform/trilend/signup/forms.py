"""The forms of the sign-up."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, RadioField, SelectChoice, StringField
from wtforms.validators import Email, EqualTo, InputRequired, Length, Regexp, ValidationError

from trilend.kinds import kinds
from trilend.tenancy.errors import InvalidSlug
from trilend.tenancy.names import check_slug, is_uscc


class CompanyForm(FlaskForm):  # type: ignore[misc]
    """Kind of business, company, address and first administrator."""

    kind = RadioField(
        _l("What does your company do?"), validators=[InputRequired(_l("Choose what your company does."))]
    )
    company = StringField(
        _l("Registered name of the company"),
        validators=[InputRequired(_l("Enter the name on the business licence.")), Length(max=200)],
    )
    uscc = StringField(
        _l("Unified social credit code"),
        validators=[InputRequired(_l("Enter the 18 characters on the business licence."))],
        description=_l("18 characters, as printed on the business licence"),
    )
    slug = StringField(
        _l("Your address on the platform"),
        validators=[InputRequired(_l("Choose an address."))],
        description=_l("Small letters, digits and hyphens; your staff sign in there"),
    )
    admin_name = StringField(_l("Your name"), validators=[InputRequired(_l("Enter your name.")), Length(max=100)])
    admin_username = StringField(
        _l("User name"),
        validators=[
            InputRequired(_l("Choose a user name.")),
            Regexp(r"^[A-Za-z0-9._-]{3,64}$", message=_l("Use 3 to 64 letters, digits, dots, hyphens or underscores.")),
        ],
    )
    admin_email = EmailField(
        _l("E-mail"),
        validators=[
            InputRequired(_l("Enter your e-mail address.")),
            Email(_l("This is not an e-mail address.")),
            Length(max=200),
        ],
        description=_l("We send a code there to make sure that it is yours"),
    )
    password = PasswordField(
        _l("Password"),
        validators=[InputRequired(_l("Choose a password.")), Length(min=10, message=_l("Use at least 10 characters."))],
        description=_l("At least 10 characters; a short sentence is easy to remember and hard to guess"),
    )
    password_again = PasswordField(
        _l("Password again"), validators=[EqualTo("password", message=_l("The two passwords differ."))]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind.choices = [SelectChoice(kind.name, kind.label) for kind in kinds().values()]

    def validate_uscc(self, field: StringField) -> None:
        """Form and check digit."""
        if not is_uscc(field.data or ""):
            raise ValidationError(
                _l("This code is wrong: compare it with the business licence, its last character is a check digit.")
            )

    def validate_slug(self, field: StringField) -> None:
        """Form and reserved words."""
        try:
            check_slug(field.data or "")
        except InvalidSlug as error:
            raise ValidationError(error.message) from error


class CodeForm(FlaskForm):  # type: ignore[misc]
    """The one-time code."""

    code = StringField(
        _l("Code from the mail"),
        validators=[
            InputRequired(_l("Enter the six digits from the mail.")),
            Regexp(r"^\s*\d{6}\s*$", message=_l("The code has six digits.")),
        ],
    )
