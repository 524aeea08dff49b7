"""A lost database does not take the keys with it: the keyring holds the passphrase's proof too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.bus
def test_a_lost_store_is_recovered_from_the_keyring(keyring_bus, tmp_path: Path) -> None:
    told = keyring_bus(sys.executable, "-m", "tests.access.lost_store_story", tmp_path / "home", env={"PYTHONPATH": str(ROOT)})
    assert told.returncode == 0, told.stderr[-3000:]
