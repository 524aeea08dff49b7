"""Who runs a plan. A plan is run by one process at a time, and taken over only from one that is dead.

A holder is named by its host (machine name, boot, pid namespace), its pid with its start time, and a token of its console. Of
a holder on this very host we know whether it lives. Of one elsewhere we see only its heartbeat, and wait two minutes of silence.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.core.clock import now_ms, process_start_time
from app.operations.tables import leases

BEAT_SECONDS = 15.0
SILENT_MS = 120_000

_living: set[str] = set()  # tokens of consoles that are open in this process


@dataclass(frozen=True, slots=True)
class Holder:
    """One open console of one process."""

    host: str
    pid: int
    process_started: int
    token: str

    @classmethod
    def me(cls) -> Holder:
        """A new holder in this process; :meth:`leave` when the console closes."""
        token = secrets.token_hex(16)
        _living.add(token)
        return cls(_host(), os.getpid(), process_start_time(os.getpid()) or 0, token)

    def leave(self) -> None:
        """This console is closed: what it held may be taken."""
        _living.discard(self.token)

    def take(self, connection: Connection, plan_id: str) -> bool:
        """Compare and set: ours when nobody living holds it. Inside a write transaction."""
        held = connection.execute(sa.select(leases).where(leases.c.plan_id == plan_id).with_for_update()).first()
        now = now_ms()
        mine = {
            "host": self.host,
            "pid": self.pid,
            "process_started": self.process_started,
            "token": self.token,
            "taken_at": now,
            "heartbeat": now,
        }
        if held is None:
            connection.execute(leases.insert().values(plan_id=plan_id, **mine))
            return True
        if held.token == self.token:
            return True
        if self.sees_alive(held, now):
            return False
        changed = connection.execute(
            leases.update().where(leases.c.plan_id == plan_id, leases.c.token == held.token).values(**mine)
        )
        return changed.rowcount == 1

    def beat(self, connection: Connection, plan_id: str) -> bool:
        """Say that we live. False when the lease is no longer ours: then stop touching the plan."""
        changed = connection.execute(
            leases.update().where(leases.c.plan_id == plan_id, leases.c.token == self.token).values(heartbeat=now_ms())
        )
        return changed.rowcount == 1

    def holds(self, connection: Connection, plan_id: str) -> bool:
        """Whether the lease is ours."""
        token = connection.execute(sa.select(leases.c.token).where(leases.c.plan_id == plan_id)).scalar()
        return bool(token == self.token)

    def release(self, connection: Connection, plan_id: str) -> None:
        """Give it back."""
        connection.execute(leases.delete().where(leases.c.plan_id == plan_id, leases.c.token == self.token))

    def release_all(self, connection: Connection) -> None:
        """Give back every lease of this console."""
        connection.execute(leases.delete().where(leases.c.token == self.token))

    def sees_alive(self, held: Any, now: int) -> bool:
        """Whether the holder of a stored lease may still act."""
        if held.host == self.host:
            if held.pid == self.pid:
                return held.process_started == self.process_started and held.token in _living
            started = process_start_time(held.pid)
            return started is not None and started in (held.process_started, 0)
        machine, boot, _ = self.host.split("/")
        their_machine, their_boot, _ = (*held.host.split("/"), "", "")[:3]
        if machine == their_machine and boot and their_boot and boot != their_boot:
            return False  # the machine was started anew since
        return now - int(held.heartbeat) < SILENT_MS


@lru_cache(maxsize=1)
def _host() -> str:
    return f"{socket.gethostname()}/{_text('/proc/sys/kernel/random/boot_id')[:8]}/{_link('/proc/self/ns/pid')}"


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return "".join(letter for letter in os.readlink(path) if letter.isdigit())
    except OSError:
        return ""
