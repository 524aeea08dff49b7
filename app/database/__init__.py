"""The store: engines, threads, types and the one schema history.

Knows how to reach SQLite or PostgreSQL and how to bring their schema up to date; never what the rows mean: tables live in the
room that owns them and register on :data:`metadata`. The schema comes from the migrations alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.database.engine import Database, DatabaseStatus, on_commit
    from app.database.schema import metadata

__all__ = ["Database", "DatabaseStatus", "metadata", "on_commit"]


def __getattr__(name: str) -> object:
    # SQLAlchemy is slow to import and must not come before the window is painted.
    if name == "metadata":
        from app.database import schema

        return schema.metadata
    if name in __all__:
        from app.database import engine

        return getattr(engine, name)
    raise AttributeError(name)
