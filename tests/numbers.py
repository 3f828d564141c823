"""Makes identifiers with right check digits for invented people and companies."""

import secrets
from itertools import count

from stdnum import luhn
from stdnum.cn import ric, uscc

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_counter = count(1)


def new_uscc() -> str:
    """A unified social credit code nobody else has in this run."""
    body = "91110105MA" + "".join(secrets.choice(_ALPHABET) for _ in range(7))
    return body + uscc.calc_check_digit(body + "0")


def new_resident_id(born: str = "19850612", area: str = "110105") -> str:
    """A resident id with the given date of birth; the next thousand calls give others."""
    body = f"{area}{born}{next(_counter) % 1000:03d}"
    return body + ric.calc_check_digit(body + "0")


def new_card() -> str:
    """A bank card number that passes the Luhn check."""
    body = "622202" + f"{secrets.randbelow(10**12):012d}"
    return body + luhn.calc_check_digit(body)


def new_mobile() -> str:
    """A mobile number."""
    return f"139{secrets.randbelow(10**8):08d}"
