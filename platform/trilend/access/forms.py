"""What people enter to sign in, to look after their account, and to set the company's rules."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, PasswordField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import EqualTo, InputRequired, Length, NumberRange, ValidationError

from trilend.access.models import SecondFactorRule

_NEEDED = _l("Enter your password.")


class SignInForm(FlaskForm):  # type: ignore[misc]
    """Name and password."""

    username = StringField(
        _l("User name"), validators=[InputRequired(_l("Enter your user name or mail address.")), Length(max=320)]
    )
    password = PasswordField(_l("Password"), validators=[InputRequired(_NEEDED), Length(max=1000)])


class CodeForm(FlaskForm):  # type: ignore[misc]
    """A code of the app, or a recovery code."""

    code = StringField(
        _l("One-time code"),
        validators=[InputRequired(_l("Enter the code.")), Length(max=40)],
        description=_l("Six digits from your app, or one of your recovery codes"),
    )


class AppForm(FlaskForm):  # type: ignore[misc]
    """The code that proves that an app holds the secret."""

    code = StringField(
        _l("Code from the app"),
        validators=[InputRequired(_l("Enter the six digits that the app shows now.")), Length(max=10)],
    )


class ForgottenForm(FlaskForm):  # type: ignore[misc]
    """Whose password is forgotten."""

    username = StringField(
        _l("User name or e-mail"),
        validators=[InputRequired(_l("Enter your user name or mail address.")), Length(max=320)],
    )


class NewPasswordForm(FlaskForm):  # type: ignore[misc]
    """A new password, twice."""

    password = PasswordField(
        _l("New password"),
        validators=[InputRequired(_l("Choose a password."))],
        description=_l("A short sentence is easy to remember and hard to guess"),
    )
    password_again = PasswordField(
        _l("New password again"), validators=[EqualTo("password", message=_l("The two passwords differ."))]
    )


class ChangePasswordForm(NewPasswordForm):
    """The same, with the present one."""

    current = PasswordField(_l("Present password"), validators=[InputRequired(_l("Enter your present password."))])


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """The password, once more."""

    password = PasswordField(_l("Password"), validators=[InputRequired(_NEEDED)])


class RulesForm(FlaskForm):  # type: ignore[misc]
    """The company's rules for signing in."""

    second_factor = SelectField(
        _l("Second factor"),
        choices=[
            SelectChoice(SecondFactorRule.OPTIONAL, _l("Whoever wants one")),
            SelectChoice(SecondFactorRule.MONEY, _l("Required for all who approve, pay out or collect")),
            SelectChoice(SecondFactorRule.ALL, _l("Required for everybody")),
        ],
        description=_l("A code from an app, or a passkey"),
    )
    grace_days = IntegerField(
        _l("Days to set it up"),
        validators=[NumberRange(0, 90, _l("Enter 0 to 90 days."))],
        description=_l("From the day the rule begins, or from somebody's first sign-in"),
    )
    idle_minutes = IntegerField(
        _l("Sign out after minutes without use"), validators=[NumberRange(5, 1440, _l("Enter 5 to 1440 minutes."))]
    )
    session_hours = IntegerField(
        _l("Sign in anew after hours"),
        validators=[NumberRange(1, 720, _l("Enter 1 to 720 hours."))],
        description=_l("However busy somebody is"),
    )
    password_length = IntegerField(
        _l("Shortest password (characters)"), validators=[NumberRange(8, 64, _l("Enter 8 to 64 characters."))]
    )
    passwords_allowed = BooleanField(
        _l("People may sign in with a password"),
        description=_l(
            "Switch it off when everybody comes in through your company's own service. The first administrator keeps"
            " password and second factor for the day that service fails."
        ),
    )


class ProviderForm(FlaskForm):  # type: ignore[misc]
    """The company's own sign-in service (OpenID Connect)."""

    label = StringField(
        _l("What it is called on the button"),
        validators=[InputRequired(_l("Enter a name.")), Length(max=60)],
        description=_l("“Sign in with …”"),
    )
    issuer = StringField(
        _l("Issuer"),
        validators=[InputRequired(_l("Enter the issuer's address.")), Length(max=300)],
        description=_l("Its address as the service states it, such as https://login.example.cn"),
    )
    client_id = StringField(_l("Client id"), validators=[InputRequired(_l("Enter the client id.")), Length(max=200)])
    client_secret = PasswordField(_l("Client secret"), validators=[Length(max=500)])
    scopes = StringField(_l("Scopes"), default="openid profile email", validators=[Length(max=200)])
    username_claim = StringField(_l("Claim with the user name"), default="preferred_username")
    name_claim = StringField(_l("Claim with the full name"), default="name")
    email_claim = StringField(_l("Claim with the mail address"), default="email")
    groups_claim = StringField(_l("Claim with the groups"), default="groups")
    group_roles = TextAreaField(
        _l("Roles by group"),
        description=_l("One line per group: the group's name, an equals sign, and roles separated by commas"),
    )
    makes_accounts = BooleanField(
        _l("Make an account for whoever comes with a known group"),
        description=_l(
            "Otherwise only people who are listed here already get in, found by their verified mail address"
        ),
    )
    active = BooleanField(_l("In use"), default=True)

    def __init__(self, *args: Any, roles: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._roles = roles

    def validate_scopes(self, field: StringField) -> None:
        """Without `openid` it is another protocol."""
        if "openid" not in (field.data or "").split():
            raise ValidationError(_l("The scopes must contain “openid”."))

    def validate_group_roles(self, field: TextAreaField) -> None:
        """Each line names a group and roles there are."""
        self.mapping()

    def mapping(self) -> dict[str, list[str]]:
        """Names of roles by group; raises `ValidationError` with the line that is wrong."""
        found: dict[str, list[str]] = {}
        for line in filter(None, map(str.strip, (self.group_roles.data or "").splitlines())):
            group, equals, names = line.rpartition("=")
            chosen = [self._roles.get(name.strip(), "") for name in names.replace("，", ",").split(",")]
            if not equals or not group.strip() or not all(chosen):
                raise ValidationError(_l("This line is not understood: %(line)s", line=line))
            found[group.strip()] = chosen
        return found
