"""Brings a store to the newest schema, from any working directory, with the migrations that ship with the program."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from sqlalchemy.engine import Engine

from app.core.errors import Conflict

log = logging.getLogger(__name__)
FOLDER = Path(__file__).parent / "migrations"
LOCK = 0x417A6F7261  # "Azora": PostgreSQL advisory lock that serialises upgrades


def migrate(engine: Engine, file: Path | None) -> str:
    """Upgrade to the newest revision; the whole upgrade is one transaction.

    Args:
        engine: the store.
        file: the SQLite file, copied to ``<file>.before-<revision>.bak`` when an existing schema is about to change.

    Returns:
        The revision it is at now.

    Raises:
        Conflict: the store has a revision that this program does not know; nothing was changed.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    newest = script.get_current_head() or ""
    known = {revision.revision for revision in script.walk_revisions()}
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    if present == newest:
        return newest
    if present is not None and present not in known:
        raise Conflict(
            f"This store is at schema {present}, which a newer console wrote. Nothing was changed.",
            "Start the newer console, or choose another home.",
        )
    if file is not None and present is not None:
        back_up(file, file.with_name(f"{file.name}.before-{newest}.bak"))
    with engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    log.info("store at schema %s (was %s)", newest, present or "empty")
    return newest


def back_up(file: Path, copy: Path) -> None:
    """A consistent copy of a SQLite store, made while it may be in use; replaces an older copy of that name."""
    draft = copy.with_suffix(".part")
    draft.unlink(missing_ok=True)
    source, target = sqlite3.connect(file), sqlite3.connect(draft)
    try:
        source.backup(target)
    finally:
        target.close()
        source.close()
    draft.chmod(0o600)
    draft.replace(copy)
