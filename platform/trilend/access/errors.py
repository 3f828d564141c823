"""Why somebody is not let in, or a change to how one signs in is refused, and what to do."""

from datetime import datetime

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, Refused


class WrongSignIn(Refused):
    """Name and password do not belong together; it does not say which of them is wrong."""

    code = "wrong_sign_in"
    status = 401

    def __init__(self) -> None:
        super().__init__(_l("The user name or the password is wrong. Try again, or ask your administrator."))


class OnlyWithoutSecondStep(Refused):
    """While nothing can be written a password opens nothing: it is wrong, or is not enough; it does not say which."""

    code = "only_without_second_step"
    status = 401
    retry = True

    def __init__(self) -> None:
        super().__init__(
            _l(
                "The user name or the password is wrong, or you sign in with a second step, which has to wait until the"
                " company can be changed again. Try again in some minutes."
            )
        )


class TooManyTries(Refused):
    """Too many failed tries for this name, or from this address; the same for names that nobody has."""

    code = "too_many_tries"
    status = 429
    retry = True

    def __init__(self, until: datetime, minutes: int) -> None:
        super().__init__(
            _l(
                "Too many failed tries. Wait %(minutes)d min and try again, or use “Forgot your password?”.",
                minutes=minutes,
            )
        )
        self.until = until


class WrongCode(Refused):
    """A code of the second factor is wrong, too old, or was used already."""

    code = "wrong_second_factor"
    status = 401

    def __init__(self) -> None:
        super().__init__(
            _l("This code is wrong or was used already. Wait for the next one in your app, or use a recovery code.")
        )


class AppThere(Refused):
    """There is an app already."""

    code = "app_there"

    def __init__(self) -> None:
        super().__init__(_l("An app is set up already. Remove it first, then set the new one up."))


class PasskeyRefused(Refused):
    """The browser's answer does not prove that a known passkey is there."""

    code = "passkey_refused"
    status = 401

    def __init__(self) -> None:
        super().__init__(_l("This passkey was not accepted. Try again, or sign in another way."))


class TicketGone(NotFound):
    """A link or an attempt was used already, is too old, or belongs to another browser or company."""

    code = "ticket_gone"
    status = 410

    def __init__(self) -> None:
        super().__init__(_l("This link or attempt has expired or was used already. Begin again."))


class UnfitPassword(Invalid):
    """The password breaks a rule; the sentence says which."""

    code = "unfit_password"


class PasswordsOff(Refused):
    """The company signs in by its own provider only."""

    code = "passwords_off"

    def __init__(self) -> None:
        super().__init__(_l("Your company signs in through its own service. Use the button for it."))


class ProviderFailed(Refused):
    """The provider could not be asked, or its answer is not to be believed."""

    code = "provider_failed"

    def __init__(self, why: object) -> None:
        super().__init__(
            _l("Your company's sign-in service did not work: %(why)s. Try again, or tell your administrator.", why=why)
        )


class NoAccount(Refused):
    """The provider knows somebody for whom there is no account here, or none with a role."""

    code = "no_account"
    status = 403

    def __init__(self) -> None:
        super().__init__(_l("You have no account here yet, or none with a role. Ask your administrator to let you in."))


class NoWayBack(Refused):
    """Passwords may not be switched off while nobody would be sure to get in."""

    code = "no_way_back"
