"""Time as the program keeps it: integer UTC milliseconds; block times are integer seconds."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import time
import uuid


def now_ms() -> int:
    """UTC milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def iso(milliseconds: int) -> str:
    """RFC 3339 text of a UTC instant, with milliseconds: ``2026-03-18T14:32:07.120Z``."""
    moment = dt.datetime.fromtimestamp(milliseconds / 1000, tz=dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"


def uuid7() -> uuid.UUID:
    """A time-ordered UUID, version 7 of RFC 9562 (Python gains its own in 3.14)."""
    value = (now_ms() & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= secrets.randbits(12) << 64
    value |= 0b10 << 62
    value |= secrets.randbits(62)
    return uuid.UUID(int=value)


def process_start_time(pid: int) -> int | None:
    """When a process of this machine started, in clock ticks since boot; None when it is gone or unknown.

    Together with the pid it names a process for good: pids are reused, a pair is not (Linux ``/proc/PID/stat``, field 22).
    Elsewhere 0 for a living process.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return None if fields[0] == b"Z" else int(fields[19])
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return 0
