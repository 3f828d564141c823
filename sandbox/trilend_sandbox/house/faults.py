"""Faults that a server commits on demand, each as often as ordered."""

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from trilend_sandbox.house.errors import Refusal

MAXIMUM_SECONDS = 120
MAXIMUM_COUNT = 1000


class FaultKind(StrEnum):
    """What goes wrong with a call."""

    ERROR_BEFORE = "error_before"
    DROP_AFTER = "drop_after"
    DELAY = "delay"
    MALFORMED = "malformed"
    WRONG_SIGNATURE = "wrong_signature"
    DUPLICATE = "duplicate"
    SEND_TWICE = "send_twice"
    OUT_OF_ORDER = "out_of_order"


DROP_CONNECTION = "trilend_sandbox.drop_connection"


@dataclass(frozen=True)
class Offered:
    """The faults that a server can commit, and the endpoints where it can."""

    endpoints: tuple[str, ...]
    kinds: tuple[FaultKind, ...]


@dataclass(frozen=True)
class Fault:
    """A fault for the next `remaining` calls of `endpoint` (empty: any); `seconds` is the length of a delay."""

    kind: FaultKind
    endpoint: str
    seconds: float
    remaining: int


def order_fault(connection: sqlite3.Connection, offered: Offered, fault: Fault) -> None:
    """Queue a fault; raises `Refusal` for a count or delay out of range, and for what the server does not offer."""
    if not 1 <= fault.remaining <= MAXIMUM_COUNT:
        raise Refusal(400, "count_invalid", f"次数应为 1 至 {MAXIMUM_COUNT}")
    if not 0 <= fault.seconds <= MAXIMUM_SECONDS:
        raise Refusal(400, "seconds_invalid", f"延迟应为 0 至 {MAXIMUM_SECONDS} 秒")
    if fault.kind not in offered.kinds:
        raise Refusal(400, "kind_unknown", f"没有故障 {fault.kind}")
    if fault.endpoint and fault.endpoint not in offered.endpoints:
        raise Refusal(400, "endpoint_unknown", f"没有接口 {fault.endpoint}")
    connection.execute(
        "INSERT INTO fault (kind, endpoint, seconds, remaining) VALUES (?, ?, ?, ?)",
        (fault.kind.value, fault.endpoint, fault.seconds, fault.remaining),
    )


def take_fault(connection: sqlite3.Connection, endpoint: str) -> Fault | None:
    """The oldest fault that waits for a call of this endpoint, counted down by one."""
    row = connection.execute(
        "SELECT * FROM fault WHERE endpoint IN ('', ?) ORDER BY id LIMIT 1", (endpoint,)
    ).fetchone()
    if row is None:
        return None
    if row["remaining"] == 1:
        connection.execute("DELETE FROM fault WHERE id = ?", (row["id"],))
    else:
        connection.execute("UPDATE fault SET remaining = remaining - 1 WHERE id = ?", (row["id"],))
    return _fault(row)


def waiting_faults(connection: sqlite3.Connection) -> list[Fault]:
    """Faults still to come, oldest first."""
    return [_fault(row) for row in connection.execute("SELECT * FROM fault ORDER BY id")]


def clear_faults(connection: sqlite3.Connection) -> None:
    """Commit no more faults."""
    connection.execute("DELETE FROM fault")


def _fault(row: sqlite3.Row) -> Fault:
    return Fault(FaultKind(row["kind"]), row["endpoint"], row["seconds"], row["remaining"])
