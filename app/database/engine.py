"""One store, reached from any thread's point of view without waiting: SQLite in the home, or PostgreSQL by URL.

Writes go through one thread, one transaction each, so that no two of this process ever meet. Reads have connections of their
own that cannot write, and each sees one moment of the store.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.pool import QueuePool

from app.core.errors import Conflict, Invalid, Unavailable

T = TypeVar("T")
BUSY_MS = 10_000  # another process may hold the write lock this long before we give up
READERS = 4
_AFTER = "azora.after_commit"


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """How the store is. ``latency_ms`` is the time of one small read."""

    dialect: str
    path_or_host: str
    revision: str
    size_bytes: int
    latency_ms: float


def on_commit(connection: Connection, call: Callable[[], object]) -> None:
    """Have ``call`` run on the service loop once the :meth:`Database.write` around us has committed; never otherwise."""
    connection.info.setdefault(_AFTER, []).append(call)


class Database:
    """The console's store.

    Args:
        url: ``sqlite:////abs/console.db`` or ``postgresql+psycopg://user@host/name``.

    Raises:
        Invalid: the URL names neither.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise Invalid(
                "The database URL cannot be read. No store was opened.", "Write postgresql://user@host/name.", field="database.url"
            ) from None
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        elif parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
            raise Invalid(
                f"“{parsed.drivername}” is not a store this console can use. No store was opened.",
                "Use a SQLite file or PostgreSQL.",
                field="database.url",
            )
        self._url: URL = parsed
        self._writer: Engine | None = None
        self._reader: Engine | None = None
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="azora-writer")
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="azora-reader")
        self._closed = threading.Event()

    @classmethod
    def at(cls, path: Path) -> Database:
        """The SQLite store in a file."""
        return cls(URL.create("sqlite", database=str(path.absolute())).render_as_string(hide_password=False))

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return str(self._url.get_backend_name())

    @property
    def name(self) -> str:
        """Where it is, without a password: for people, and to tell stores apart."""
        if self.dialect == "sqlite":
            return str(self._url.database)
        return f"{self._url.host or 'localhost'}:{self._url.port or 5432}/{self._url.database}"

    @property
    def is_open(self) -> bool:
        """Whether it was opened and not closed again."""
        return self._writer is not None

    async def open(self) -> None:
        """Connect, bring the schema up to date (SQLite: after a backup), start the threads.

        Raises:
            Unavailable: the file or server cannot be reached; nothing was changed.
            Conflict: the store was written by a newer console; nothing was changed.
        """
        if self._writer is not None:
            return
        await self._in(self._write_thread, self._open)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a reader thread on a connection that cannot write; it sees one moment of the store."""

        def run() -> T:
            assert self._reader is not None, "the database is not open"
            with self._reader.connect() as connection, connection.begin():
                return work(connection)

        return await self._in(self._read_threads, run)

    async def write(self, work: Callable[[Connection], T], *, durable: bool = True) -> T:
        """Run ``work`` as one transaction on the writer thread; an exception undoes all of it.

        Args:
            durable: on return it survives a power cut (``synchronous=FULL``). False for what can be computed again.

        A transaction that has begun is finished even when the caller is cancelled meanwhile.
        """

        def run() -> tuple[T, list[Callable[[], object]]]:
            assert self._writer is not None, "the database is not open"
            with self._writer.connect() as connection:
                connection.info.pop(_AFTER, None)
                if self.dialect == "sqlite":
                    raw: Any = connection.connection.dbapi_connection
                    raw.execute("PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL")
                with connection.begin():
                    if self.dialect == "postgresql" and not durable:
                        connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
                    result = work(connection)
                return result, connection.info.pop(_AFTER, [])

        result, after = await self._in(self._write_thread, run)
        for call in after:
            call()
        return result

    async def status(self) -> DatabaseStatus:
        """Where it is, how large, at which revision, how fast."""

        def look(connection: Connection) -> tuple[str, int]:
            if self.dialect == "sqlite":
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
                size = int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
            else:
                size = int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
            revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            return str(revision or ""), size

        begun = time.perf_counter()
        revision, size = await self.read(look)
        latency = (time.perf_counter() - begun) * 1000
        return DatabaseStatus(self.dialect, self.name, revision, size, latency)

    async def close(self) -> None:
        """Finish what is queued, close every connection, end the threads."""
        if self._closed.is_set():
            return
        self._closed.set()

        def end() -> None:
            for engine in (self._reader, self._writer):
                if engine is not None:
                    engine.dispose()
            self._reader = self._writer = None

        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._read_threads.shutdown)
        await loop.run_in_executor(self._write_thread, end)
        self._write_thread.shutdown(wait=False)

    def _open(self) -> None:
        from app.database.migrate import migrate

        if self.dialect == "sqlite":
            Path(str(self._url.database)).parent.mkdir(parents=True, exist_ok=True)
            writer, reader = _sqlite_engine(self._url, writable=True), _sqlite_engine(self._url, writable=False)
        else:
            # A reader may not change anything even by mistake; a repeatable read sees one moment, as SQLite's does.
            options = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
            wait = {"connect_timeout": 10, "application_name": "azora console"}
            writer = sa.create_engine(self._url, pool_size=1, max_overflow=1, pool_pre_ping=True, connect_args=wait)
            reader = sa.create_engine(
                self._url, pool_size=READERS, max_overflow=0, pool_pre_ping=True, connect_args=wait, execution_options=options
            )
        try:
            migrate(writer, Path(str(self._url.database)) if self.dialect == "sqlite" else None)
        except BaseException:
            writer.dispose()
            reader.dispose()
            raise
        self._writer, self._reader = writer, reader

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        if self._closed.is_set():
            raise Unavailable("The store is closed. Nothing was read or written.")
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work)
        except IntegrityError:
            raise
        except (OperationalError, InterfaceError) as error:
            raise self._translated(error) from error

    def _translated(self, error: DBAPIError) -> Exception:
        reason = str(error.orig or error).strip().splitlines()[0]
        if self.dialect == "sqlite" and ("locked" in reason or "busy" in reason):
            return Conflict(
                "Another process held the store for more than ten seconds. Nothing was written.",
                "Try again; close other consoles on this home if it stays.",
                retryable=True,
            )
        if self.dialect == "sqlite" and isinstance(error.orig, sqlite3.OperationalError):
            if any(word in reason for word in ("unable to open", "disk", "readonly", "not a database", "I/O")):
                return Unavailable(
                    f"The store {self.name} does not answer: {reason}. Nothing was written.",
                    "Check the disk and the file's permissions.",
                    retryable=True,
                )
            return error  # a mistake in a statement is ours, and a bug
        if type(error.orig).__name__ in {"OperationalError", "ConnectionTimeout", "InterfaceError"}:
            return Unavailable(
                f"The store {self.name} does not answer: {reason}. Nothing was written.",
                "Check that the server runs and that the URL is right.",
                retryable=True,
            )
        return error


def _sqlite_engine(url: URL, *, writable: bool) -> Engine:
    path = str(url.database)
    address = f"file:{quote(path)}?mode={'rwc' if writable else 'ro'}"

    def connect() -> sqlite3.Connection:
        # isolation_level None: Python's sqlite3 begins no transaction of its own; ours begin in the event below.
        raw = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
        raw.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        raw.execute("PRAGMA foreign_keys=ON")
        if writable:
            raw.execute("PRAGMA journal_mode=WAL")
            raw.execute("PRAGMA synchronous=FULL")
        else:
            raw.execute("PRAGMA query_only=ON")
        return raw

    # A moved file must be found by its new name: idle connections are few and cheap.
    engine = sa.create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=READERS if not writable else 1)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that writes after reading can fail at once with "locked"; IMMEDIATE waits its turn instead.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writable else "BEGIN")

    return engine
