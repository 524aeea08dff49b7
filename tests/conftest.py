"""What tests of several rooms share. Each fixture is named after the thing, starts the real one, and hides how."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
# A fixed start of the chain: its genesis hash depends on it, and so does every hash after it.
GENESIS_TIME = 1_700_000_000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty folder for one console."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@dataclass(frozen=True)
class Said:
    """What one run of the command line left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, as JSON."""
        return json.loads(self.out)


class Azora:
    """The command line as a user runs it: another process, with its own home."""

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self.home = home
        self.environ = dict(environ)

    def __call__(
        self, *arguments: object, expect: int | None = 0, env: Mapping[str, str] | None = None, stdin: str = "", limit: int = 120
    ) -> Said:
        """Run it and check the exit code; ``expect=None`` takes any (a killed process has minus its signal)."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "main.py"), "--home", str(self.home), *map(str, arguments)],
            env={**self.environ, **(env or {})},
            cwd=self.home.parent,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        if expect is not None:
            assert done.returncode == expect, f"{arguments}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def azora(home: Path) -> Azora:
    """``azora("wallet", "list", "--json").json``; settings of the machine's user do not reach it."""
    return Azora(
        home,
        {name: value for name, value in os.environ.items() if not name.startswith("AZORA_") or name == "AZORA_EPHEMERAL_KEYRING"},
    )


class Node:
    """A real anvil on a free port, with its ten funded and published test accounts."""

    def __init__(self, *options: str, port: int = 0) -> None:
        programs = sorted((ROOT / "contracts" / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil*"))
        if not programs:
            pytest.fail("No native anvil in contracts/node_modules. `make test` fetches it.")
        command = [str(programs[0]), "--port", str(port), "--chain-id", "1337", "--timestamp", str(GENESIS_TIME), *options]
        # A file, not a pipe: a chatty node must never wait for a reader.
        self.log = tempfile.NamedTemporaryFile(mode="w+", prefix="azora-node-", suffix=".log")  # noqa: SIM115
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        self._ids = itertools.count(1)
        self.url = f"http://127.0.0.1:{self._port()}"
        self.accounts: list[str] = self("eth_accounts")

    def _port(self) -> int:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if found := re.search(r"Listening on 127\.0\.0\.1:(\d+)", Path(self.log.name).read_text(encoding="utf-8")):
                return int(found[1])
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        raise RuntimeError("The node did not start.")

    def __call__(self, method: str, *params: object) -> Any:
        """One JSON-RPC call; an error answer fails the test with its text.

        What is sent to a node that mines at once is in a block when this returns: anvil answers a little earlier.
        """
        body = json.dumps({"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            answer = json.load(response)
        assert "error" not in answer, f"{method}: {answer['error']}"
        if method in ("eth_sendTransaction", "eth_sendRawTransaction") and self("anvil_getAutomine"):
            end = time.monotonic() + 10
            while self("eth_getTransactionReceipt", answer["result"]) is None and time.monotonic() < end:
                time.sleep(0.005)
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        """Make blocks, one after the other."""
        for _ in range(blocks):
            self("evm_mine")

    def balance(self, address: str) -> int:
        """Wei at the newest block."""
        return int(self("eth_getBalance", address, "latest"), 16)

    def stop(self) -> None:
        """SIGTERM, and a kill where that is not enough."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


@pytest.fixture(scope="session")
def _worker_node() -> Iterator[Node]:
    node = Node()
    yield node
    node.stop()


@pytest.fixture
def node(_worker_node: Node) -> Iterator[Node]:
    """A running chain as it was at its genesis: one node per worker, put back after each test."""
    before = _worker_node("evm_snapshot")
    yield _worker_node
    assert _worker_node("evm_revert", before), "the node could not be put back"


class Postgres:
    """A PostgreSQL cluster of our own on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
        found = programs[-1] / "initdb" if programs else shutil.which("initdb")
        if not found:
            pytest.skip("no PostgreSQL programs on this machine")
        self.programs = Path(found).parent
        # initdb refuses root.
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(folder, "postgres")
        self._run("initdb", "-D", folder / "data", "-A", "trust", "-U", "azora", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off"
        self._run("pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start")

    def _run(self, program: str, *arguments: object) -> None:
        # No pipes: the server would inherit them and keep them open.
        with (self.folder.parent / f"{self.folder.name}.out").open("w+") as said:
            done = subprocess.run(
                [*self.user, str(self.programs / program), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd="/",
                check=False,
            )
            said.seek(0)
            assert done.returncode == 0, f"{program}: {said.read()}"

    def create(self) -> str:
        """A new empty database; its SQLAlchemy URL."""
        name = f"t{secrets.token_hex(6)}"
        self._run("createdb", "-h", self.folder, "-U", "azora", name)
        return f"postgresql+psycopg://azora@/{name}?host={self.folder}"

    def drop(self, url: str) -> None:
        """Remove a database, also when someone is still connected."""
        self._run("dropdb", "-h", self.folder, "-U", "azora", "--force", "--if-exists", url.partition("?")[0].rpartition("/")[2])

    def stop(self) -> None:
        """Stop the server and remove its files."""
        with contextlib.suppress(AssertionError):
            self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.with_name(f"{self.folder.name}.out").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def _worker_postgres() -> Iterator[Postgres]:
    # A short path, since a Unix socket's name has at most 107 bytes; and one that the user postgres can enter.
    cluster = Postgres(Path(tempfile.mkdtemp(prefix="azora-pg-", dir="/tmp")))
    yield cluster
    cluster.stop()


@pytest.fixture
def postgres(_worker_postgres: Postgres) -> Iterator[str]:
    """URL of an empty PostgreSQL database of this test's own."""
    url = _worker_postgres.create()
    yield url
    _worker_postgres.drop(url)


@pytest.fixture
def keyring_bus() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command in its own session bus, with a gnome-keyring that was unlocked and is thrown away."""

    def run(*command: object, env: Mapping[str, str] | None = None, limit: int = 120) -> subprocess.CompletedProcess[str]:
        session = ROOT / "resources" / "setup" / "private_session.py"
        return subprocess.run(
            [sys.executable, str(session), *map(str, command)],
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )

    return run
