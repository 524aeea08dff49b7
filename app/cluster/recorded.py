"""A recorded cluster to explore where there is none: answers of a real API server, cut down. Never live, never changed.

What an API server and its controllers wrote is real; what kubelets would have reported was played by a script (see
``tests/data/cluster/recorded/README.md``).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from app.cluster.store import Snapshot

NAME = "Recorded cluster, not live"
FILE = Path(__file__).parents[2] / "resources" / "cluster" / "recorded.json"


@cache
def snapshot() -> Snapshot:
    """The recorded objects, as of when they were recorded."""
    found = json.loads(FILE.read_text(encoding="utf-8"))
    return Snapshot.of_objects(found["objects"], NAME, found["taken_at"])


def taken_at() -> int:
    """When it was recorded, UTC milliseconds: also the time by which its health is judged."""
    return snapshot().taken_at
