"""The form of a customer."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectChoice, StringField
from wtforms.validators import InputRequired, Length

from trilend.parties.models import PartyKind


class PartyForm(FlaskForm):  # type: ignore[misc]
    """A person or an organization."""

    kind = RadioField(
        _l("Kind of customer"),
        choices=[
            SelectChoice(PartyKind.PERSON.value, _l("Person")),
            SelectChoice(PartyKind.ORGANIZATION.value, _l("Organization")),
        ],
        default=PartyKind.PERSON.value,
    )
    name = StringField(_l("Name or company name"), validators=[InputRequired(_l("Enter the name.")), Length(max=200)])
    identifier = StringField(
        _l("Resident id or credit code"),
        validators=[InputRequired(_l("Enter the number."))],
        description=_l("18 characters; the last one is a check digit"),
    )
    mobile = StringField(_l("Mobile number"), validators=[InputRequired(_l("Enter the mobile number."))])
    account_number = StringField(
        _l("Bank account"),
        validators=[InputRequired(_l("Enter the account number."))],
        description=_l("Loans are paid out to this account, and repayments from it are recognised"),
    )
    account_bank = StringField(_l("Bank"), validators=[Length(max=100)])
    legal_representative = StringField(
        _l("Legal representative"), validators=[Length(max=100)], description=_l("For companies only")
    )
