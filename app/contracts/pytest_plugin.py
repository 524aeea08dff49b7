"""Tests of contracts in Python: fixtures for pytest, over a real node and the console's own compiler.

``pytest -p app.contracts.pytest_plugin --contracts DIR`` gives tests

* ``chain``: a node of this run. What a test does to it is undone after the test;
* ``accounts``: its ten funded accounts (published test keys: worth nothing anywhere);
* ``compiled``: the artifacts of the project by name, compiled once;
* ``deploy``: ``deploy("Token", owner, value=0)`` creates a contract and gives it as an object with its functions:
  ``token.balanceOf(owner)`` asks a view, ``token.transfer(other, 5, sender=owner)`` sends and gives the receipt.

What a contract refuses raises :class:`Reverted` with the decoded reason.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.chain import abi as abis
from app.chain import reasons
from app.chain.hashing import checksum_address
from app.contracts.artifacts import Artifact
from app.contracts.compiler import Compiler
from app.contracts.projects import open_project, ours
from app.contracts.singles import named
from app.contracts.toolchain import Toolchain

START = 1_700_000_000  # UTC seconds of the genesis block: tests see the same times in every run
PATIENCE = 30.0  # seconds for the node to start, and for each answer


class Reverted(AssertionError):
    """A contract refused; the text is its decoded reason, such as ``TooLarge(8000, 1000)``."""


class LocalChain:
    """A node with automatic blocks."""

    def __init__(self, program: Path, log: Path) -> None:
        with log.open("w", encoding="utf-8") as file:  # not a pipe: a chatty node must never wait for a reader
            command = [str(program), "--port", "0", "--timestamp", str(START)]
            self._process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self._ids = itertools.count(1)
        self.url = self._listening(log)

    def _listening(self, log: Path) -> str:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            if found := re.search(r"Listening on (127\.0\.0\.1:\d+)", log.read_text(encoding="utf-8")):
                return f"http://{found[1]}"
            time.sleep(0.02)
        said = log.read_text(encoding="utf-8")[-500:]
        self.stop()
        raise pytest.UsageError(f"The node did not start. It says: {said}")

    def call(self, method: str, *params: object) -> Any:
        """One JSON-RPC call."""
        body = json.dumps({"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            answer = json.load(response)
        if "error" in answer:
            raise _Refused(str(answer["error"].get("message", "")), str(answer["error"].get("data") or "0x"))
        return answer["result"]

    def balance(self, address: str) -> int:
        """Wei."""
        return int(self.call("eth_getBalance", address, "latest"), 16)

    def mine(self, blocks: int = 1) -> None:
        """Make empty blocks."""
        self.call("anvil_mine", hex(blocks))

    def warp(self, seconds: int) -> None:
        """Let so many seconds pass before the next block, and make it."""
        self.call("evm_increaseTime", hex(seconds))
        self.call("evm_mine")

    def stop(self) -> None:
        """End the node."""
        self._process.kill()
        self._process.wait()


class _Refused(Exception):
    """A node's error with the data of a revert."""

    def __init__(self, text: str, data: str) -> None:
        super().__init__(text)
        self.data = data


class Deployed:
    """A contract; its functions are its attributes. Overloads are told apart by the number of their arguments."""

    def __init__(self, chain: LocalChain, artifact: Artifact, address: str, sender: str) -> None:
        self._chain, self._artifact, self._sender = chain, artifact, sender
        self.address = checksum_address(address)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found = [each for each in self._artifact.abi if each.get("type") == "function" and each.get("name") == name]
        if not found:
            raise AttributeError(f"{self._artifact.name} has no function {name}")

        def function(*arguments: object, sender: str = "", value: int = 0) -> Any:
            data = abis.encode_call(self._artifact.abi, name, [_plain(each) for each in arguments])
            call = {"from": sender or self._sender, "to": self.address, "data": data, "value": hex(value)}
            entry = next((each for each in found if len(each["inputs"]) == len(arguments)), found[0])
            if entry["stateMutability"] in ("view", "pure"):
                return abis.decode_output(self._artifact.abi, name, str(_asked(self._chain, self._artifact, "eth_call", call)))
            return _sent(self._chain, self._artifact, call)

        return function


def _plain(value: object) -> object:
    """A contract stands for its address."""
    return value.address if isinstance(value, Deployed) else value


def _asked(chain: LocalChain, artifact: Artifact, method: str, call: Mapping[str, str]) -> object:
    try:
        return chain.call(method, call)
    except _Refused as refused:
        errors = [entry for entry in artifact.abi if entry.get("type") == "error"]
        raise Reverted(reasons.reason(errors, refused.data, str(refused))) from None


def _sent(chain: LocalChain, artifact: Artifact, call: Mapping[str, str]) -> dict[str, Any]:
    _asked(chain, artifact, "eth_call", call)  # nobody else sends here, and only a call tells why it is refused
    tx = _asked(chain, artifact, "eth_sendTransaction", call)
    end = time.monotonic() + PATIENCE
    while (receipt := chain.call("eth_getTransactionReceipt", tx)) is None:  # anvil answers a little before its block is there
        if time.monotonic() > end:
            raise AssertionError(f"{tx} came into no block.")
        time.sleep(0.005)
    if receipt["status"] != "0x1":
        raise Reverted("the transaction was reverted")
    return dict(receipt)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--contracts DIR``."""
    parser.getgroup("contracts").addoption(
        "--contracts", default="", help="The project whose contracts are tested (default: the console's own)"
    )


@pytest.fixture(scope="session")
def compiled(request: pytest.FixtureRequest) -> Sequence[Artifact]:
    """The contracts of the project."""
    folder = str(request.config.getoption("--contracts"))
    toolchain = Toolchain()
    project = open_project(Path(folder), toolchain.modules) if folder else ours(toolchain.modules)

    async def compile_it() -> Sequence[Artifact]:
        with tempfile.TemporaryDirectory(prefix="azora-solc-") as cache:
            compiler = Compiler(toolchain, Path(cache))
            try:
                built = await compiler.compile(project)
            finally:
                await compiler.close()
        if built.errors:
            raise pytest.UsageError(f"The contracts do not compile: {built.errors[0]}")
        return built.contracts

    return asyncio.run(compile_it())


@pytest.fixture(scope="session")
def _contracts_node() -> Iterator[LocalChain]:
    with tempfile.TemporaryDirectory(prefix="azora-node-") as folder:
        chain = LocalChain(Toolchain().file("anvil", "bin/anvil"), Path(folder) / "log")
        yield chain
        chain.stop()


@pytest.fixture
def chain(_contracts_node: LocalChain) -> Iterator[LocalChain]:
    """The node, put back after the test."""
    before = _contracts_node.call("evm_snapshot")
    yield _contracts_node
    assert _contracts_node.call("evm_revert", before), "the chain could not be put back"


@pytest.fixture
def accounts(chain: LocalChain) -> list[str]:
    """The funded accounts, with their checksums."""
    return [checksum_address(address) for address in chain.call("eth_accounts")]


@pytest.fixture
def deploy(chain: LocalChain, accounts: list[str], compiled: Sequence[Artifact]) -> Callable[..., Deployed]:
    """Creates contracts of the project."""

    def create(
        name: str, *arguments: object, sender: str = "", value: int = 0, libraries: Mapping[str, str] | None = None
    ) -> Deployed:
        artifact, sender = named(compiled, name), sender or accounts[0]
        code = artifact.creation_code(libraries) + abis.encode(
            abis.types_of(artifact.parameters), [_plain(each) for each in arguments]
        )
        receipt = _sent(chain, artifact, {"from": sender, "data": "0x" + code.hex(), "value": hex(value)})
        return Deployed(chain, artifact, str(receipt["contractAddress"]), sender)

    return create
