"""The schema comes from the history alone and is what the rooms say, on both dialects."""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import OperationalError

from app.database import Database, metadata
from app.database.types import Uint256

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL on a socket in a temporary folder."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("no PostgreSQL binaries here")
    folder = Path("/tmp") / f"azora-pg-{os.getpid()}"
    folder.mkdir()
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    subprocess.run(
        [*user, programs[-1] / "initdb", "-D", data, "-A", "trust", "-U", "azora", "--no-sync"], check=True, capture_output=True
    )
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    command = [*user, programs[-1] / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log"]
    subprocess.run([*command, "start"], check=True, capture_output=True)
    yield f"postgresql://azora@/postgres?host={folder}"
    subprocess.run([*user, programs[-1] / "pg_ctl", "-D", data, "-m", "immediate", "stop"], check=True, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def url_of(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    return f"sqlite:///{tmp_path}/console.db" if dialect == "sqlite" else request.getfixturevalue("postgres")


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_migrated_schema_is_what_the_rooms_say(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in sorted((ROOT / "app").glob("*/tables.py")):
        importlib.import_module(f"app.{file.parent.name}.tables")
    monkeypatch.chdir("/")

    async def story() -> None:
        database = Database(url_of(dialect, tmp_path, request))
        await database.open()
        difference = await database.read(lambda connection: compare_metadata(MigrationContext.configure(connection), metadata))
        assert difference == []
        status = await database.status()
        newest = max(file.name[:4] for file in (ROOT / "app" / "database" / "migrations" / "versions").glob("[0-9]*.py"))
        assert (status.dialect, status.revision) == (dialect, newest)
        await database.close()

    asyncio.run(story())


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_two_consoles_append_to_one_journal(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    from app.audit.journal import Journal

    async def story() -> None:
        one, other = (Database(url_of(dialect, tmp_path, request)) for _ in range(2))
        await one.open()
        await other.open()
        journals = [(one, Journal(one)), (other, Journal(other))]
        await asyncio.gather(
            *(db.write(lambda c, j=j, n=n: j.append(c, "plan.done", "ada", {"n": n})) for n in range(10) for db, j in journals)
        )
        verdict = await journals[0][1].verify()
        assert verdict.ok and verdict.entries == 20, verdict
        await one.close()
        await other.close()

    asyncio.run(story())


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_amounts_are_exact_and_sorted(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    amounts = [2**256 - 1, 0, 10**27 + 1, 255, 256, 2**255]
    table = sa.Table("t_amounts", sa.MetaData(), sa.Column("amount", Uint256))

    async def story() -> None:
        database = Database(url_of(dialect, tmp_path, request))
        await database.open()

        def fill(connection: sa.Connection) -> None:
            table.create(connection)
            connection.execute(table.insert(), [{"amount": amount} for amount in amounts])

        await database.write(fill)
        found = await database.read(lambda c: c.execute(sa.select(table.c.amount).order_by(table.c.amount)).scalars().all())
        assert list(found) == sorted(amounts)
        await database.close()

    asyncio.run(story())


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    async def story() -> None:
        database = Database.at(tmp_path / "console.db")
        await database.open()
        with pytest.raises((OperationalError, Exception), match="readonly"):
            await database.read(lambda connection: connection.exec_driver_sql("DELETE FROM plans"))
        await database.close()

    asyncio.run(story())
