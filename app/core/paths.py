"""The home: one folder that holds everything of one console, so that two homes never meet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import Unavailable


@dataclass(frozen=True)
class Home:
    """Where settings, store, chains, logs, crash reports and caches of one console lie."""

    path: Path

    def __init__(self, path: Path | str) -> None:
        object.__setattr__(self, "path", Path(path).expanduser().absolute())

    @classmethod
    def default(cls, environ: Mapping[str, str] | None = None) -> Home:
        """``AZORA_HOME``, or the user's own data folder of this system."""
        named = (os.environ if environ is None else environ).get("AZORA_HOME", "")
        if named:
            return cls(named)
        import platformdirs

        return cls(platformdirs.user_data_path("azora", appauthor=False))

    @property
    def config(self) -> Path:
        """The settings file, ``config.toml``."""
        return self.path / "config.toml"

    @property
    def database(self) -> Path:
        """The SQLite store, ``console.db``."""
        return self.path / "console.db"

    @property
    def chains(self) -> Path:
        """Folders of the local nodes."""
        return self.path / "chains"

    @property
    def logs(self) -> Path:
        """Log files."""
        return self.path / "logs"

    @property
    def crash(self) -> Path:
        """Crash reports, redacted."""
        return self.path / "crash"

    @property
    def cache(self) -> Path:
        """What can be made again: compiled artifacts, icons."""
        return self.path / "cache"

    @property
    def id(self) -> str:
        """16 hex digits that name this home for good; they stay with the folder when it is moved or renamed."""
        return _stable_id(self.path / "home.id")

    def ensure(self) -> Home:
        """Make the folders, readable by their owner alone.

        Raises:
            Unavailable: the place cannot be written; nothing was started.
        """
        try:
            for folder in (self.path, self.chains, self.logs, self.crash, self.cache):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _ = self.id
        except OSError as error:
            raise Unavailable(
                f"The home {self.path} cannot be used: {error.strerror or error}. Nothing was started.",
                "Choose another with --home, or make it writable.",
            ) from error
        return self


def _stable_id(file: Path) -> str:
    try:
        if known := file.read_text("ascii").strip():
            return known
    except FileNotFoundError:
        pass
    fresh = os.urandom(8).hex()
    # Linked into place whole, so that of two processes starting at once both read the one that came first.
    draft = file.with_name(f".home.id.{fresh}")
    draft.write_text(fresh + "\n", "ascii")
    try:
        os.link(draft, file)
    except FileExistsError:
        return file.read_text("ascii").strip()
    except OSError:  # a file system without hard links
        os.replace(draft, file)
        return fresh
    finally:
        draft.unlink(missing_ok=True)
    return fresh
