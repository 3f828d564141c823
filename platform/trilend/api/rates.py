"""How many calls a program may make in a short time: a bucket in Valkey that refills evenly.

Each program, and each person for whom one acts, has a bucket of `TRILEND_API_CALLS_PER_MINUTE` calls. It is there to
keep one program that runs wild from its neighbours; what a plan allows in a day or a month is counted elsewhere. While
Valkey is away calls are not limited.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil

import structlog
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import RedisError

from trilend.api.errors import TooManyCalls
from trilend.api.operations import Program
from trilend.config import settings
from trilend.tenancy.context import BoundTenant

log = structlog.get_logger(__name__)

_WINDOW = 60
_PATIENCE = 0.25
_REST = 5.0
_away_until = [0.0]

_TAKE = """
local capacity, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
local level = tonumber(kept[1]) or capacity
local passed = math.max(0, now - (tonumber(kept[2]) or now))
level = math.min(capacity, level + passed * capacity / window)
local taken = 0
if level >= 1 then
  level = level - 1
  taken = 1
end
redis.call('HSET', KEYS[1], 'level', tostring(level), 'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], window)
return {taken, tostring(level)}
"""


@dataclass(frozen=True)
class Allowance:
    """What is left of a bucket after a call."""

    limit: int
    level: float

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of draft-ietf-httpapi-ratelimit-headers-07; `RateLimit-Reset` is when the bucket is full again."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(int(self.level)),
            "RateLimit-Reset": str(ceil((self.limit - self.level) * _WINDOW / self.limit)),
            "RateLimit-Policy": f"{self.limit};w={_WINDOW}",
        }

    @property
    def next_call(self) -> int:
        """Seconds until one more call is allowed."""
        return max(1, ceil((1 - self.level) * _WINDOW / self.limit))


def take_call(tenant: BoundTenant, program: Program) -> Allowance | None:
    """Take one call from the program's bucket; None where there is no limit. Raises `TooManyCalls`."""
    limit = settings().api_calls_per_minute
    if not limit or time.monotonic() < _away_until[0]:
        return None
    person = program.person.id if program.person is not None else 0
    try:
        taken, level = _script(os.getpid())(
            keys=[f"trilend:calls:{tenant.id}:{program.id}:{person}"], args=[limit, _WINDOW]
        )
    except (RedisError, OSError) as error:
        # Not to be able to count is no reason to refuse; nor to keep every caller waiting for the same time-out.
        _away_until[0] = time.monotonic() + _REST
        log.warning("calls are not limited: Valkey is away", error=str(error))
        return None
    allowance = Allowance(limit, float(level))
    if not taken:
        raise TooManyCalls(allowance.limit, allowance.next_call, allowance.headers)
    return allowance


@cache
def _script(_process: int) -> Script:
    url = settings().valkey_url.replace("redis+socket://", "unix://")
    client = Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, decode_responses=True)
    return client.register_script(_TAKE)
