"""Deployments killed twice: every pair of fault points, at steps drawn at random, and always the same one economy.

``AZORA_CAMPAIGN_SEED`` repeats a run; ``AZORA_CAMPAIGN_PAIRS`` takes so many pairs, drawn at random, instead of all.
"""

from __future__ import annotations

import os
import random
import signal
from itertools import product
from pathlib import Path

from tests.contracts.conftest import cache
from tests.contracts.test_killed_deployment import EACH, ONCE, STEPS, console, deployed_once

__all__ = ["cache"]
SEED = int(os.environ.get("AZORA_CAMPAIGN_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
PAIRS = int(os.environ.get("AZORA_CAMPAIGN_PAIRS", "0"))


def test_every_pair_of_kills_leaves_one_economy(tmp_path: Path, cache: Path) -> None:
    """The first kill meets the deployment, the second the console that takes it up."""
    from tests.conftest import Node

    chance = random.Random(SEED)
    pairs = list(product((*ONCE, *EACH), repeat=2))
    pairs = chance.sample(pairs, PAIRS) if PAIRS else pairs
    print(f"\nseed {SEED}, {len(pairs)} pairs")
    second = 0
    for number, (first, then) in enumerate(pairs):
        home, node = tmp_path / str(number), Node()
        try:
            at = 1 if first in ONCE else chance.randrange(1, STEPS + 1)
            assert console(home, node.url, "deploy", cache, AZORA_FAULT=f"{first}:{at}") == -signal.SIGKILL
            # What is passed while it is taken up depends on where it was killed: some pairs meet nobody.
            ended = console(home, node.url, "recover", cache, AZORA_FAULT=f"{then}:{chance.randrange(1, 4)}")
            assert ended in (0, -signal.SIGKILL), (first, at, then)
            second += ended != 0
            assert console(home, node.url, "recover", cache) == 0
            deployed_once(home, node, cache)
        except AssertionError as error:
            raise AssertionError(f"{first}:{at}, then {then}: {error}") from error
        finally:
            node.stop()
    print(f"{second} were killed a second time")
    assert second > len(pairs) // 4
