"""Tests of contracts in Python, as somebody writes them: a real pytest over a folder of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.node, pytest.mark.compiler]
COUNTER = ROOT / "tests" / "data" / "counter"

TESTS = """
import pytest
from app.contracts.pytest_plugin import Reverted


@pytest.fixture
def counter(deploy):
    return deploy("Counter")


@pytest.mark.parametrize("time", [1, 2])
def test_each_test_finds_the_chain_as_it_was(counter, chain, time):
    assert int(chain.call("eth_blockNumber"), 16) == 1
    assert counter.count() == 0
    receipt = counter.set(7)
    assert len(receipt["logs"]) == 1
    assert counter.count() == 7


def test_a_refusal_is_told_by_name(counter, accounts):
    with pytest.raises(Reverted, match=r"TooLarge\\(.*8,?000"):
        counter.set(8000, sender=accounts[1])


def test_time_passes(chain):
    before = int(chain.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    chain.warp(3600)
    after = int(chain.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    assert after - before >= 3600


def test_this_one_is_wrong(counter):
    assert counter.count() == 1
"""


def test_a_folder_of_tests_runs_with_these_fixtures(tmp_path: Path):
    (tmp_path / "test_counter.py").write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "app.contracts.pytest_plugin", "--contracts", str(COUNTER), "-p"]
    command += ["no:cacheprovider", "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert "4 passed" in done.stdout and "1 failed" in done.stdout, done.stdout + done.stderr
    assert "::test_this_one_is_wrong" in done.stdout and "assert 0 == 1" in done.stdout
