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
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.chain.networks import Network, Networks
from app.chain.rpc import Rpc
from app.core.clock import now_ms, process_start_time
from app.core.errors import Conflict, ConsoleError, Invalid, NotFound, Unavailable
from app.core.events import Bus, NodeChanged

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
START_SECONDS = 15.0
STOP_SECONDS = 20.0
RECORD = "node.json"


class NodeState(StrEnum):
    """Whether its process lives."""

    RUNNING = "running"
    STOPPED = "stopped"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class LocalNode:
    """One local chain. ``timestamp`` is its creation in seconds since 1970; ``log_path`` what the node writes."""

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

    async def create(self, name: str, *, chain_id: int = 1337, block_time: int = 0) -> LocalNode:
        """Make a chain and start it; one that exists already is started.

        Raises:
            Invalid: the name cannot be a folder's.
            Unavailable: no native node, or it did not start.
        """
        check_name(name)
        if not (self._folder / name / RECORD).exists():
            now = now_ms()
            self._write(LocalNode(name, chain_id, now // 1000, now, block_time=block_time))
        return await self.start(name)

    async def start(self, name: str) -> LocalNode:
        """Start a chain with its saved state; a running one is left alone.

        Raises:
            Unavailable: the node did not answer; its last words are in the message.
            Conflict: it answered with another genesis than it had.
        """
        node = self.get(name)
        if node.state is NodeState.RUNNING and node.port:
            return node
        if node.state is NodeState.RUNNING:  # a console was killed before it learned the port
            await self.stop(name)
            node = self.get(name)
        anvil = self._find_anvil()
        place = self._folder / name
        log = place / "node.log"
        command = [
            str(anvil),
            *("--host", "127.0.0.1", "--port", "0"),
            *("--chain-id", str(node.chain_id), "--timestamp", str(node.timestamp)),
            *("--state", str(place / "state.json"), "--preserve-historical-states"),
            *("--accounts", "0", "--hardfork", "shanghai"),
            *("--state-interval", "5"),  # seconds of blocks that a kill may cost; what was sent is sent again
            *(("--block-time", str(node.block_time)) if node.block_time else ()),
        ]
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
        self._write(replace(node, pid=process.pid, started=started, port=0, stopped=False, state=NodeState.RUNNING))
        port = await self._wait_for_port(process, log, begin)
        node = replace(node, port=port, pid=process.pid, started=started, stopped=False, state=NodeState.RUNNING)
        genesis = await _genesis(node.url)
        if node.genesis and genesis != node.genesis:
            self._kill(node)
            raise Conflict(
                f"{name} came up with another genesis ({genesis}, it was {node.genesis}). It was stopped again.",
                "Its state file is damaged. Delete the chain, or restore its folder from a backup.",
            )
        await _go_on_from_now(node.url)
        node = replace(node, genesis=genesis)
        self._write(node)
        await self._networks.put_own(_network(node))
        self._bus.publish(NodeChanged(name))
        return self._now(node)

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

    async def mine(self, name: str, blocks: int) -> int:
        """Mine blocks at once; the new height."""
        rpc = Rpc(self._running(name).url)
        try:
            await rpc.call("anvil_mine", hex(blocks))
            return int(str(await rpc.call("eth_blockNumber")), 16)
        finally:
            await rpc.close()

    async def height(self, name: str) -> int:
        """The newest block's number."""
        rpc = Rpc(self._running(name).url)
        try:
            return int(str(await rpc.call("eth_blockNumber")), 16)
        finally:
            await rpc.close()

    async def set_balance(self, name: str, address: str, wei: int) -> None:
        """Set an account's native coin, and mine a block so that it is in a state root."""
        rpc = Rpc(self._running(name).url)
        try:
            await rpc.call("anvil_setBalance", address, hex(wei))
            await rpc.call("anvil_mine", hex(1))
        finally:
            await rpc.close()

    async def balance(self, name: str, address: str) -> int:
        """An account's native coin in wei."""
        rpc = Rpc(self._running(name).url)
        try:
            return int(str(await rpc.call("eth_getBalance", address, "latest")), 16)
        finally:
            await rpc.close()

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
        return LocalNode(**{**body, "state": NodeState(body["state"])})

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


async def _go_on_from_now(url: str) -> None:
    """Set the node's clock, in seconds: it starts at its ``--timestamp`` again, and its next block would be older than its last."""
    rpc = Rpc(url)
    try:
        last = int((await rpc.call("eth_getBlockByNumber", "latest", False))["timestamp"], 16)
        await rpc.call("evm_setTime", hex(max(now_ms() // 1000, last + 1)))
    finally:
        await rpc.close()


async def _genesis(url: str) -> str:
    rpc = Rpc(url)
    try:
        return str((await rpc.call("eth_getBlockByNumber", "0x0", False))["hash"])
    finally:
        await rpc.close()
