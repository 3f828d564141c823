"""Sends a message of several statements in one go, past the driver's cursor."""

from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus

_DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


class ConnectionLost(psycopg.OperationalError):
    """The server has closed the connection before it answered."""


def send(connection: psycopg.Connection[Any], message: bytes) -> None:
    """Have the server run the statements of a message whose answers nobody reads; raises `psycopg.Error`.

    For text of our own alone: nothing is bound to it. A cursor takes as long to make ready as the server takes to
    answer. The statements after one that failed are not run; `ConnectionLost` says that it is not known which were.
    """
    answer = connection.pgconn.exec_(message)
    if answer.status in _DONE:
        return
    if connection.pgconn.status != ConnStatus.OK:
        raise ConnectionLost(connection.pgconn.get_error_message())
    raise error_from_result(answer)
