"""Checks and masks the identifiers of parties: resident id, credit code, mobile number, bank account."""

import re
from datetime import date

import phonenumbers
from flask_babel import lazy_gettext as _l
from stdnum import luhn
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from trilend.audit.masks import masked
from trilend.parties.errors import InvalidParty
from trilend.parties.models import PartyKind

__all__ = ["masked"]

_RESIDENT_ID = re.compile(r"[1-9]\d{16}[\dX]")
AGE_OF_MAJORITY = 18  # Civil Code art. 17


def checked_identifier(kind: PartyKind, number: str) -> str:
    """The identifier in its one form; raises `InvalidParty` for a wrong form, date or check digit.

    Resident ids follow GB 11643, credit codes GB 32100.
    """
    number = "".join(number.split()).upper()
    if kind == PartyKind.PERSON:
        if not has_resident_id_form(number) or number[-1] != ric.calc_check_digit(number):
            raise InvalidParty(
                "identifier",
                _l("The resident id number is wrong: check its 18 characters, the last one is a check digit."),
            )
        return number
    try:
        return str(uscc.validate(number))
    except ValidationError as error:
        raise InvalidParty(
            "identifier",
            _l("The unified social credit code is wrong: check its 18 characters, the last one is a check digit."),
        ) from error


def has_resident_id_form(number: str) -> bool:
    """Whether a text has the form of a resident id and holds a date that exists; the check digit is not looked at.

    The area is not held against lists of areas by year of birth: it tells where the number was given, not where and
    when its holder was born.
    """
    if not _RESIDENT_ID.fullmatch(number):
        return False
    try:
        birth_date(number)
    except ValidationError:
        return False
    return True


def check_digit_skips_last_place(number: str) -> bool:
    """Whether the check digit of a resident id was computed without the 17th digit, as a faulty program does.

    No real number is like this. A whole file of such numbers tells of its program, a single one of a typing error.
    """
    return has_resident_id_form(number) and number[-1] == ric.calc_check_digit(number[:-1])


def birth_date(resident_id: str) -> date:
    """Date of birth held in a resident id."""
    return ric.get_birth_date(resident_id)


def require_adult(resident_id: str, on: date) -> None:
    """Raise `InvalidParty` if the person is under 18 on that day."""
    born = birth_date(resident_id)
    age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    if age < AGE_OF_MAJORITY:
        raise InvalidParty("identifier", _l("The applicant is a minor: loans are for people of 18 years and over."))


def checked_mobile(number: str) -> str:
    """A Chinese mobile number in national form; raises `InvalidParty`."""
    try:
        parsed = phonenumbers.parse(number, "CN")
    except phonenumbers.NumberParseException as error:
        raise InvalidParty("mobile", _l("The mobile number is wrong: enter its 11 digits.")) from error
    mobile = phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.MOBILE
    if not mobile or parsed.country_code != 86:
        raise InvalidParty("mobile", _l("The mobile number is wrong: enter its 11 digits."))
    return str(parsed.national_number)


def checked_account(number: str) -> str:
    """A bank account number: digits only; a bank card (16 to 19 digits, beginning with 6) also passes its Luhn check."""
    number = "".join(number.split())
    card = number.startswith("6") and 16 <= len(number) <= 19
    if not number.isdigit() or not 8 <= len(number) <= 32 or (card and not luhn.is_valid(number)):
        raise InvalidParty("account_number", _l("The bank account number is wrong: check its digits."))
    return number
