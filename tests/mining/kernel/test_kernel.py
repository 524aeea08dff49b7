"""Whatever compiles the search, it finds the nonces that an independent keccak finds, no more and no less."""

from __future__ import annotations

import threading

import pytest
from Crypto.Hash import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from app.mining.kernel import Job, best_kernel, kernels, solution_digest
from app.mining.kernel.program import LANE, first_state, run, search_program
from app.mining.kernel.search import LANES, Plain

WORKING = kernels()
jobs = st.builds(
    Job,
    challenge=st.binary(min_size=32, max_size=32),
    miner=st.binary(min_size=20, max_size=20),
    # One nonce in 2 to 2,000 hits; the lower bits of the target decide too.
    target=st.integers(245, 255).flatmap(lambda bits: st.integers(1 << (bits - 1), (1 << bits) - 1)),
    prefix=st.binary(min_size=32, max_size=32),
)


def hashed(message: bytes) -> bytes:
    return keccak.new(digest_bits=256, data=message).digest()


@given(job=jobs, lane=st.integers(0, LANES - 1))
def test_the_straight_line_is_keccak_256(job, lane):
    first = run(search_program(), first_state(job.message(0)), lane)
    assert first.to_bytes(8, "little") == hashed(job.message(lane))[:8]


@pytest.mark.parametrize("lane", [7, 8, 9])
def test_the_straight_line_may_vary_each_whole_lane_of_the_nonce(lane):
    message = bytearray(range(84))
    message[8 * lane : 8 * lane + 8] = bytes(8)
    state = first_state(bytes(message))
    message[8 * lane : 8 * lane + 8] = (0x0123456789ABCDEF).to_bytes(8, "little")
    assert run(search_program(lane), state, 0x0123456789ABCDEF).to_bytes(8, "little") == hashed(bytes(message))[:8]


def test_no_other_lane_leaves_fewer_operations():
    assert len(search_program().operations) == min(len(search_program(lane).operations) for lane in (7, 8, 9))
    assert LANE in (7, 8, 9)


@pytest.mark.parametrize("kernel", WORKING, ids=lambda kernel: kernel.name)
@settings(max_examples=25, deadline=None)
@given(job=jobs, first=st.one_of(st.just(LANES - 100), st.integers(0, LANES - 1)), batches=st.integers(1, 100))
def test_every_kernel_finds_nonce_for_nonce_what_a_loop_finds(kernel, job, first, batches):
    count = batches * kernel.width
    found = list(kernel.search(job, first, count))
    assert found == list(Plain().search(job, first, count))
    assert all(len(each.nonce) == 32 and each.digest == hashed(job.challenge + job.miner + each.nonce) for each in found)
    assert all(int.from_bytes(each.digest, "big") <= job.target for each in found)


@pytest.mark.parametrize("kernel", WORKING, ids=lambda kernel: kernel.name)
def test_a_target_that_every_nonce_meets_loses_none(kernel):
    job = Job(bytes(32), bytes(20), (1 << 256) - 1)
    count = 6000 // kernel.width * kernel.width
    assert len({each.nonce for each in kernel.search(job, 0, count)}) == count


def test_the_miners_address_is_part_of_the_digest():
    job = Job(b"c" * 32, b"m" * 20, (1 << 250) - 1)
    found = WORKING[0].search(job, 0, 4096)[0]
    assert solution_digest(job.challenge, job.miner, found.nonce) == found.digest
    assert solution_digest(job.challenge, b"x" * 20, found.nonce) != found.digest


def test_workers_with_prefixes_of_their_own_never_try_the_same_nonce():
    one, other = (Job(bytes(32), bytes(20), 0, prefix.to_bytes(32, "big")) for prefix in (1, 2))
    assert one.nonce(7) != other.nonce(7)
    assert len({one.nonce(lane) for lane in (0, 1, 255, 256, LANES - 1)}) == 5


def test_a_search_leaves_the_interpreter_to_others():
    """Another thread goes on counting while one call of the compiled search runs."""
    kernel = best_kernel()
    if kernel.name == "plain":
        pytest.skip("no compiled kernel on this machine")
    counted, end = [0], threading.Event()

    def count() -> None:
        while not end.is_set():
            counted[0] += 1

    other = threading.Thread(target=count)
    other.start()
    job = Job(bytes(32), bytes(20), 0)
    # A call that kept the lock would let the other thread in only before and after it.
    during = [_moved(counted, lambda: kernel.search(job, 0, 1 << 20)) for _ in range(3)]
    end.set()
    other.join()
    assert max(during) > 1_000


def _moved(counted, work) -> int:
    before = counted[0]
    work()
    return counted[0] - before


def test_a_job_refuses_what_is_no_job():
    for parts in ((b"", bytes(20), 0), (bytes(32), b"", 0), (bytes(32), bytes(20), 1 << 256), (bytes(32), bytes(20), -1)):
        with pytest.raises(ValueError):
            Job(*parts)


def test_bench_names_every_kernel_of_this_processor(azora):
    said = azora("mint", "bench", "--json", "--seconds", "0.3", "--threads", "1").json
    assert [each["instruction_set"] for each in said["kernels"]] == [kernel.name for kernel in WORKING]
    assert said["instruction_set"] == WORKING[0].name
    assert said["threads"] == 1 and said["mh_per_second"] > 0 and said["mh_per_second_per_core"] > 0
