"""A miner finds solutions of the job it has, lets go of it at once, and stays behind everything else."""

from __future__ import annotations

import os
import threading
import time

import pytest

from app.mining.kernel import Job, solution_digest
from app.mining.work import Miner

EASY = Job(b"c" * 32, b"m" * 20, (1 << 240) - 1)
HARD = Job(b"d" * 32, b"m" * 20, 0)


def wait_for(what, seconds=30.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.005)


@pytest.fixture
def found():
    return []


@pytest.fixture
def miner(found):
    miner = Miner(lambda job, solution: found.append((job, solution)))
    miner.start(threads=2)
    yield miner
    miner.stop()


def test_it_finds_one_solution_each_time_it_is_asked_and_no_nonce_twice(miner, found):
    """Of this job a thread finds hundreds in each piece: one is told, and then everybody rests."""
    for asked in range(1, 51):
        miner.set_job(EASY)
        wait_for(lambda asked=asked: len(found) >= asked)
    wait_for(lambda: _still(miner))
    assert len(found) == 50
    for job, solution in list(found):
        assert (job.challenge, job.miner, job.target) == (EASY.challenge, EASY.miner, EASY.target)
        assert solution_digest(EASY.challenge, EASY.miner, solution.nonce) == solution.digest
        assert int.from_bytes(solution.digest, "big") <= EASY.target
    assert len({solution.nonce for _, solution in found}) == len(found)


def test_after_another_challenge_no_solution_of_the_old_one_is_told(miner, found):
    for _ in range(20):
        miner.set_job(EASY)
        miner.set_job(HARD)
        told, before = len(found), miner.state.hashes
        wait_for(lambda before=before: miner.state.hashes > before + 1_000)
        # One that was on its way while the job changed may still arrive; none afterwards.
        assert len(found) <= told + 1
    assert all(job.challenge == EASY.challenge for job, _ in found)


def test_paused_it_rests_and_goes_on_where_it_was(miner):
    miner.set_job(HARD)
    wait_for(lambda: miner.state.hashes and miner.state.hash_rate)
    miner.pause()
    wait_for(lambda: _still(miner))
    assert miner.state.paused and miner.state.hash_rate == 0
    rested = miner.state.hashes
    miner.pause(False)
    wait_for(lambda: miner.state.hashes > rested)


def _still(miner) -> bool:
    before = miner.state.hashes
    time.sleep(0.1)
    return miner.state.hashes == before


def test_throttled_it_searches_in_that_share_of_the_time():
    miner = Miner(lambda *_: None)
    miner.start(threads=1, throttle=10)
    miner.set_job(HARD)
    began = time.monotonic()
    wait_for(lambda: time.monotonic() - began > 1.0)
    wall, state = time.monotonic() - began, miner.state
    miner.stop()
    assert 0 < state.seconds < wall / 2
    for wrong in (0, 101, -1):
        with pytest.raises(ValueError):
            miner.set_throttle(wrong)


def test_its_threads_have_the_lowest_priority_and_nobody_else_does():
    seen = []
    miner = Miner(lambda *_: seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    miner.start(threads=1)
    miner.set_job(EASY)
    wait_for(lambda: seen)
    miner.stop()
    assert set(seen) == {19}
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own


def test_stopped_it_has_no_threads_and_can_start_again(found):
    miner = Miner(lambda job, solution: found.append(solution))
    for _ in range(2):
        miner.start(threads=3)
        assert miner.state.threads == 3
        with pytest.raises(RuntimeError):
            miner.start()
        miner.set_job(EASY)
        wait_for(lambda: found)
        miner.stop()
        found.clear()
        assert not miner.state.running
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("azora-miner")]
