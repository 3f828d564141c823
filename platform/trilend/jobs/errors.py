"""What can go wrong with background work as such."""

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, TrilendError


class JobNotFound(NotFound):
    """The job is not there, or not in the state that the act needs."""

    code = "job_not_found"

    def __init__(self) -> None:
        super().__init__(_l("This work is not waiting for a decision any more. Look at the list again."))


class ReasonMissing(Invalid):
    """Work is given up without saying why."""

    code = "reason_missing"

    def __init__(self) -> None:
        super().__init__(_l("Say why this work is given up."), field="reason")


class InvalidTime(Invalid):
    """A schedule's time is no time of the day."""

    code = "invalid_time"

    def __init__(self, entered: str) -> None:
        super().__init__(_l("Enter a time of the day such as 00:10."), field="time", entered=entered)


class KillsWorkers(TrilendError):
    """Worker after worker has ended without a word while doing the job."""

    code = "kills_workers"

    def __init__(self, times: int) -> None:
        super().__init__(
            _l(
                "%(times)d times a worker has ended without a word while doing this work, so it is not tried again by "
                "itself. Ask the operators to look into the log, and retry it when the cause is gone.",
                times=times,
            )
        )


class TookTooLong(Exception):
    """The attempt has used up the time its policy gives; raised inside of the handler."""


class LeaseLost(Exception):
    """Somebody else has the job by now: this attempt ends without a trace."""


class WorkerStopping(BaseException):
    """This worker has been told to stop: the job goes back at once; no `except Exception` of a handler keeps it."""
