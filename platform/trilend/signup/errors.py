"""Why a sign-up cannot go on, and what to do."""

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, Refused


class UnknownSignUp(NotFound):
    """No sign-up has this token."""

    code = "unknown_sign_up"

    def __init__(self) -> None:
        super().__init__(_l("This sign-up is not known. Begin again."))


class WrongSignUpCode(Invalid):
    """The code is wrong or too old."""

    code = "wrong_code"

    def __init__(self) -> None:
        super().__init__(
            _l("The code is wrong or has expired. Check the newest mail, or have a new code sent."), field="code"
        )


class TooManySignUpCodes(Refused):
    """Too many wrong codes, or too many codes sent."""

    code = "too_many_codes"

    def __init__(self) -> None:
        super().__init__(_l("Too many tries. Begin the sign-up again in a while."))
