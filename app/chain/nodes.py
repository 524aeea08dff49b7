"""Local chains: supervised anvil processes that outlive the console.

A node runs in its own process group with its state file, always started with the time stamp of its creation, since its genesis hash
depends on it. It is adopted again by pid, start time and genesis. Without the native node there is no local chain, and it says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.chain.networks import Network, Networks
from app.chain.node_control import NodeControl
from app.chain.node_log import Crash, last_words, matching, tail, without_calls
from app.core.clock import now_ms, process_start_time
from app.core.errors import Conflict, ConsoleError, Invalid, NotFound, Unavailable
from app.core.events import Bus, NodeActed, NodeChanged

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
TORN = "failed to parse json file"  # what anvil says of a state file that it was killed in the middle of
START_SECONDS = 15.0
STOP_SECONDS = 20.0
RECORD = "node.json"
HARD_FORKS = ("paris", "shanghai", "cancun", "prague")


class NodeState(StrEnum):
    """Whether its process lives."""

    RUNNING = "running"
    STOPPED = "stopped"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class LocalNode:
    """One local chain. Times in seconds unless they end in ``_at`` (UTC milliseconds).

    Attributes:
        timestamp: its creation: the genesis hash depends on it.
        block_time: seconds between blocks; 0 mines each transaction at once.
        paused: blocks are made on request only.
        fork_url: whose state it goes on from, empty for a chain of its own; it carries no key.
        fork_block: from which block on.
        accounts: addresses that got coins at its creation. Their phrase is not kept.
        base: the snapshot from which its present blocks descend, or empty.
        kept_port: where it listened last; it listens there again when the port is free.
        log_begin: byte of the log at which the present run begins.
        told: what a crash cost, in sentences; empty after an orderly stop.
        log_path: what the node writes.
    """

    name: str
    chain_id: int
    timestamp: int
    created_at: int
    port: int = 0
    pid: int = 0
    started: int = 0
    genesis: str = ""
    stopped: bool = True
    block_time: int = 0
    paused: bool = False
    hard_fork: str = "shanghai"
    fork_url: str = ""
    fork_block: int = 0
    accounts: tuple[str, ...] = ()
    base: str = ""
    kept_port: int = 0
    log_begin: int = 0
    told: str = ""
    state: NodeState = NodeState.STOPPED
    log_path: str = ""

    @property
    def url(self) -> str:
        """Where it listens, or empty."""
        return f"http://127.0.0.1:{self.port}" if self.state is NodeState.RUNNING and self.port else ""

    @property
    def network_id(self) -> str:
        """The network that stands for it."""
        return f"local-{self.name}"


class NodeProcesses:
    """The node processes of one home.

    Args:
        folder: ``chains/`` of the home.
        find_anvil: gives the pinned executable, or raises Unavailable with the reason.
    """

    def __init__(self, *, folder: Path, networks: Networks, bus: Bus, find_anvil: Callable[[], Path]) -> None:
        self._folder = folder
        self._networks = networks
        self._bus = bus
        self._find_anvil = find_anvil
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def available(self) -> str:
        """Empty when a native node is here, else why not."""
        try:
            self._find_anvil()
        except ConsoleError as error:
            return error.message
        return ""

    async def list(self) -> list[LocalNode]:
        """Every local chain, by name, with its state as it is now."""
        if not self._folder.is_dir():
            return []
        return [self._now(self._read(path.parent.name)) for path in sorted(self._folder.glob(f"*/{RECORD}"))]

    def get(self, name: str) -> LocalNode:
        """One local chain as it is now.

        Raises:
            NotFound: there is none of that name.
        """
        return self._now(self._read(name))

    # life

    async def create(
        self,
        name: str,
        *,
        chain_id: int = 1337,
        block_time: int = 0,
        hard_fork: str = "shanghai",
        fork_url: str = "",
        fork_block: int = 0,
        accounts: tuple[str, ...] = (),
        timestamp: int = 0,
    ) -> LocalNode:
        """Make a chain and start it; one that exists already is started. ``timestamp``: of its genesis, 0 for now.

        Raises:
            Invalid: the name cannot be a folder's.
            Unavailable: no native node, or it did not start.
        """
        check_name(name)
        if not (self._folder / name / RECORD).exists():
            now = now_ms()
            node = LocalNode(name, chain_id, timestamp or now // 1000, now, block_time=block_time, hard_fork=hard_fork)
            self._write(replace(node, fork_url=fork_url, fork_block=fork_block, accounts=accounts))
        return await self.start(name)

    async def start(self, name: str) -> LocalNode:
        """Start a chain with its saved state; a running one is left alone.

        Raises:
            Unavailable: the node did not answer; its last words are in the message.
            Conflict: it answered with another genesis than it had, or a kill tore its state file.
        """
        node = self.get(name)
        if node.state is NodeState.RUNNING and node.port:
            return node
        if node.state is NodeState.RUNNING:  # a console was killed before it learned the port
            await self.stop(name)
            node = self.get(name)
        crashed = self._last_words(node) if node.state is NodeState.CRASHED else None
        place = self._folder / name
        log = place / "node.log"
        command = self._command(node)
        with log.open("ab") as output:
            begin = output.tell()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=sys.platform != "win32",
                cwd=place,
            )
        self._children[name] = process
        started = process_start_time(process.pid) or 0
        # Known before it listens: a console killed now must not leave a second node behind on the same state.
        node = replace(node, pid=process.pid, started=started, port=0, stopped=False, state=NodeState.RUNNING, log_begin=begin)
        self._write(node)
        try:
            port = await self._wait_for_port(process, log, begin)
        except Unavailable as error:
            if TORN not in error.message:
                raise
            raise Conflict(
                f"{name} was ended while it saved its state, and the file is torn. It was not started; the file is kept.",
                f"Return to a snapshot: azora chain snapshots {name}, then azora chain restore {name} SNAPSHOT",
            ) from error
        node = replace(node, port=port, kept_port=port)
        genesis = await _genesis(node.url)
        if node.genesis and genesis != node.genesis:
            self._kill(node)
            raise Conflict(
                f"{name} came up with another genesis ({genesis}, it was {node.genesis}). It was stopped again.",
                "Its state file is damaged. Delete the chain, or restore its folder from a backup.",
            )
        head = await _go_on_from_now(node.url)
        node = replace(node, genesis=genesis, told=crashed.compared(head) if crashed else "")
        self._write(node)
        await self._networks.put_own(_network(node))
        self._bus.publish(NodeChanged(name))
        return self._now(node)

    def _command(self, node: LocalNode) -> Sequence[str]:
        place = self._folder / node.name
        pace = ("--no-mining",) if node.paused else ("--block-time", str(node.block_time)) if node.block_time else ()
        return [
            str(self._find_anvil()),
            *("--host", "127.0.0.1", "--port", str(node.kept_port if _is_free(node.kept_port) else 0)),
            *("--chain-id", str(node.chain_id), "--timestamp", str(node.timestamp)),
            *("--state", str(place / "state.json"), "--preserve-historical-states"),
            # No accounts of the node's own: it would write their keys to its log.
            *("--accounts", "0", "--hardfork", node.hard_fork),
            *("--state-interval", "5"),  # seconds of blocks that a kill may cost; what was sent is sent again
            *pace,
            *(("--fork-url", node.fork_url, "--fork-block-number", str(node.fork_block)) if node.fork_url else ()),
        ]

    async def _wait_for_port(self, process: subprocess.Popen[bytes], log: Path, begin: int) -> int:
        end = time.monotonic() + START_SECONDS
        while True:
            with log.open("rb") as file:
                file.seek(begin)
                said = file.read().decode("utf-8", "replace")
            match = re.search(r"Listening on [\d.]+:(\d+)", said)
            if match:
                return int(match[1])
            if process.poll() is not None or time.monotonic() > end:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                raise Unavailable(f"The node did not start. It said: {said.strip()[-400:] or 'nothing'}", f"See {log}.")
            await asyncio.sleep(0.02)

    async def stop(self, name: str) -> LocalNode:
        """Stop a chain; SIGTERM lets it save its state.

        Raises:
            Unavailable: it did not end in time; it still runs.
        """
        node = self.get(name)
        if node.state is NodeState.RUNNING:
            with contextlib.suppress(ProcessLookupError):
                os.kill(node.pid, signal.SIGTERM)
            end = time.monotonic() + STOP_SECONDS
            while self._alive(node):
                if time.monotonic() > end:
                    raise Unavailable(
                        f"{name} did not stop within {STOP_SECONDS:.0f} s; it still runs.", "Try again.", retryable=True
                    )
                await asyncio.sleep(0.02)
        node = replace(node, pid=0, port=0, started=0, stopped=True, state=NodeState.STOPPED)
        self._write(node)
        self._children.pop(name, None)
        self._bus.publish(NodeChanged(name))
        return node

    async def delete(self, name: str) -> None:
        """Delete a stopped chain with its state and history.

        Raises:
            Conflict: it runs.
        """
        node = self.get(name)
        if node.state is NodeState.RUNNING:
            raise Conflict(f"{name} runs. Nothing was deleted.", "Stop it first.")
        shutil.rmtree(self._folder / name)
        await self._networks.drop_own(node.network_id)
        self._bus.publish(NodeChanged(name))

    async def adopt(self) -> None:
        """Take up the nodes that a former console left running: by pid, start time, port and genesis."""
        for node in await self.list():
            if not node.url:
                continue
            try:
                genesis = await _genesis(node.url)
            except ConsoleError:
                continue
            if genesis == node.genesis:
                await self._networks.put_own(_network(node))

    def explain(self, name: str) -> str:
        """Why a crashed chain ended and what it last said, in sentences; of any other what its last crash cost, or nothing."""
        node = self.get(name)
        return self._last_words(node).text if node.state is NodeState.CRASHED else node.told

    def log(self, name: str, *, lines: int = 200, containing: str = "", calls: bool = True) -> Sequence[str]:
        """The last lines of a chain's log, oldest first.

        Args:
            containing: only those with that text, whatever its case.
            calls: also the names of the methods that were called; this console's own reading fills pages with them.
        """
        found = matching(tail(Path(self.get(name).log_path)), containing)
        return (found if calls else without_calls(found))[-lines:]

    def control(self, name: str) -> NodeControl:
        """What can be done to a running chain; to be closed after use.

        Raises:
            Unavailable: it does not run.
        """
        return NodeControl(self._running(name).url)

    async def change(self, name: str, **values: object) -> LocalNode:
        """Keep settings of a chain (``paused``, ``block_time``, ``base``) so that its next start knows them."""
        body = {**asdict(self.get(name)), **values}
        node = LocalNode(**body)
        self._write(node)
        self.acted(name)
        return self._now(node)

    def acted(self, name: str) -> None:
        """Tell who shows a chain that something in it is different: what makes no block says nothing by itself."""
        self._bus.publish(NodeActed(name))

    def place(self, name: str) -> Path:
        """The folder of a chain."""
        check_name(name)
        return self._folder / name

    # inside

    def _running(self, name: str) -> LocalNode:
        node = self.get(name)
        if node.state is not NodeState.RUNNING:
            raise Unavailable(f"{name} does not run. Nothing was done.", f"Start it: azora chain start {name}")
        return node

    def _read(self, name: str) -> LocalNode:
        check_name(name)
        try:
            body: dict[str, Any] = json.loads((self._folder / name / RECORD).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise NotFound(f"There is no local chain “{name}”. Nothing was done.", "List them: azora chain list") from error
        return LocalNode(**{**body, "accounts": tuple(body.get("accounts", ())), "state": NodeState(body["state"])})

    def _write(self, node: LocalNode) -> None:
        place = self._folder / node.name
        place.mkdir(parents=True, exist_ok=True)
        unfinished = place / f"{RECORD}.part"
        unfinished.write_text(json.dumps(asdict(replace(node, log_path=""))), encoding="utf-8")
        unfinished.replace(place / RECORD)

    def _now(self, node: LocalNode) -> LocalNode:
        log = str(self._folder / node.name / "node.log")
        state = NodeState.RUNNING if self._alive(node) else NodeState.STOPPED if node.stopped else NodeState.CRASHED
        return replace(node, state=state, log_path=log)

    def _alive(self, node: LocalNode) -> bool:
        if not node.pid:
            return False
        child = self._children.get(node.name)
        if child is not None and child.pid == node.pid:
            child.poll()  # reap it, or its dead process would still answer
        return process_start_time(node.pid) == node.started

    def _last_words(self, node: LocalNode) -> Crash:
        child = self._children.get(node.name)
        code = None
        if child is not None and child.pid == node.pid:
            with contextlib.suppress(subprocess.TimeoutExpired):  # it is gone, but may have ended after it was last asked how
                code = child.wait(1)
        return last_words(node.name, code, tail(Path(node.log_path), begin=node.log_begin))

    def _kill(self, node: LocalNode) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(node.pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def check_name(name: str) -> None:
    """A chain's name is a folder's.

    Raises:
        Invalid: it has other characters than small letters, digits and dashes.
    """
    if not NAME.fullmatch(name):
        raise Invalid(
            f"“{name}” cannot name a chain. Nothing was done.", "Use small letters, digits and dashes, 31 at most.", field="name"
        )


def _network(node: LocalNode) -> Network:
    return Network(
        id=node.network_id,
        name=node.name.capitalize(),
        chain_id=node.chain_id,
        environment="local",
        rpc_url=f"http://127.0.0.1:{node.port}",
        confirmations=1,
        genesis=node.genesis,
        own=True,
    )


async def _go_on_from_now(url: str) -> tuple[int, str]:
    """Set the node's clock, in seconds: it starts at its ``--timestamp`` again, and its next block would be older than its last.

    Returns:
        The head's number and hash.
    """
    control = NodeControl(url)
    try:
        head = await control.head()
        await control.set_clock(max(now_ms() // 1000, head.timestamp + 1))
        return head.number, head.hash
    finally:
        await control.close()


async def _genesis(url: str) -> str:
    control = NodeControl(url)
    try:
        return (await control.block("0x0")).hash
    finally:
        await control.close()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the node will: a port whose old connections linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
