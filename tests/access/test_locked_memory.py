"""After the lock, no object of the process holds the key of the passphrase, the passphrase, or a secret that was read."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.conftest import ROOT

# What this cannot promise: copies in freed memory (Python does not clear what it frees), in swap space, in Qt's text fields, and in
# the keyring daemon. The story counts those in this process's memory as "raw".


def test_locking_leaves_no_secret_that_can_be_reached(tmp_path: Path, keyring_bus) -> None:
    story = Path(__file__).with_name("heap_story.py")
    env = {"PYTHONPATH": os.pathsep.join([str(ROOT)])}
    told = keyring_bus(sys.executable, story, tmp_path / "home", env=env)
    assert told.returncode == 0, told.stderr[-3000:]
    found = json.loads(told.stdout)
    assert found["before"]["key"] >= 1, "the search finds what is there"
    assert found["after"] == {"passphrase": 0, "item": 0, "key": 0}, found
