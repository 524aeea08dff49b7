"""The vault against a real gnome-keyring on a private bus, and without one."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.access.vault import KeyringState, Vault
from app.core.errors import Unavailable
from app.core.paths import Home
from app.core.secret import Secret

ROOT = Path(__file__).parents[2]
STORY = Path(__file__).with_name("vault_story.py")
needs_keyring = pytest.mark.skipif(
    not (shutil.which("dbus-run-session") and shutil.which("gnome-keyring-daemon")), reason="no gnome-keyring here"
)


@needs_keyring
@pytest.mark.parametrize(
    ("story", "start"),
    [
        ("unlocked", "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null"),
        ("never", "gnome-keyring-daemon --start --components=secrets >/dev/null"),
    ],
)
def test_the_keyring_keeps_what_it_is_given_or_says_why_not(tmp_path: Path, story: str, start: str) -> None:
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    environ.pop("PYTHON_KEYRING_BACKEND", None)
    script = f"{start}; exec '{sys.executable}' '{STORY}' '{tmp_path}/home' {story}"
    told = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", script], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("backend", ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring"])
def test_a_keyring_that_does_not_encrypt_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)

    async def story() -> None:
        vault = Vault(Home(tmp_path).ensure(), {})
        status = await vault.state()
        assert status.state is KeyringState.UNAVAILABLE and backend in status.why
        with pytest.raises(Unavailable, match="Nothing was kept"):
            await vault.put("key", Secret("x"))

    asyncio.run(story())


def test_a_keyring_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.access.keyrings.Keyrings.find", lambda _self: time.sleep(3))

    async def story() -> None:
        vault = Vault(Home(tmp_path).ensure(), {}, limit_seconds=0.1)
        for _ in range(6):
            with pytest.raises(Unavailable, match="did not answer"):
                await vault.get("key")
        assert len(vault._hung) == 4

    asyncio.run(story())
