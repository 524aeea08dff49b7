"""What can be done to a local chain, one class each: what it changes, how it is prepared, done, and found done.

Each sets a state rather than adding to one, so doing it twice is doing it once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from app.chain.node_control import NodeControl
from app.chain.nodes import NodeProcesses
from app.core.clock import iso
from app.operations.plans import Effect

Params = Mapping[str, object]


def number(values: Params, name: str) -> int:
    """A whole number of params; integers beyond 2⁶³ travel as text."""
    found = values[name]
    if isinstance(found, bool) or not isinstance(found, int | str):
        raise TypeError(f"{name} is no whole number")
    return int(found)


def text(values: Params, name: str) -> str:
    """A text of params, empty when it is not there."""
    found = values.get(name, "")
    return found if isinstance(found, str) else ""


class Act(ABC):
    """One verb. ``saves``: an automatic snapshot is taken before it, so that it can be undone."""

    saves: ClassVar[bool] = True

    @abstractmethod
    def effect(self, name: str, params: Params) -> Effect:
        """What will be different."""

    async def prepare(self, node: NodeControl, params: Params) -> dict[str, object]:
        """The state to reach."""
        return {}

    @abstractmethod
    async def do(self, node: NodeControl, params: Params, prepared: Params) -> None:
        """Reach it."""

    @abstractmethod
    async def after(self, node: NodeControl, params: Params, prepared: Params) -> str | None:
        """What the effect says now that it is reached; None when it is not."""

    async def failure(self, node: NodeControl, params: Params, prepared: Params) -> str:
        """Why what was reached is a failure for good; empty when it is none."""
        return ""

    async def kept(self, nodes: NodeProcesses, name: str, params: Params) -> None:  # noqa: B027 - an optional hook
        """Settings that the chain's next start must know."""


class Mine(Act):
    """Blocks at once."""

    def effect(self, name: str, params: Params) -> Effect:
        start = number(params, "from")
        return Effect("state", f"blocks of {name}", str(start), str(start + number(params, "blocks")))

    async def prepare(self, node: NodeControl, params: Params) -> dict[str, object]:
        return {"height": await node.height() + number(params, "blocks")}

    async def do(self, node: NodeControl, params: Params, prepared: Params) -> None:
        missing = number(prepared, "height") - await node.height()
        if missing > 0:
            await node.mine(missing)

    async def after(self, node: NodeControl, params: Params, prepared: Params) -> str | None:
        height = await node.height()
        return str(height) if height >= number(prepared, "height") else None


class Fund(Act):
    """Native coin from nowhere: added to what an account has, or with ``exact`` set to an amount."""

    def effect(self, name: str, params: Params) -> Effect:
        before, wei = number(params, "before"), number(params, "wei")
        after = wei if params.get("exact") else before + wei
        return Effect("balance", text(params, "address"), str(before), str(after), "ETH", 18)

    async def prepare(self, node: NodeControl, params: Params) -> dict[str, object]:
        held = 0 if params.get("exact") else await node.balance(text(params, "address"))
        return {"wei": str(held + number(params, "wei"))}

    async def do(self, node: NodeControl, params: Params, prepared: Params) -> None:
        await node.set_balance(text(params, "address"), number(prepared, "wei"))

    async def after(self, node: NodeControl, params: Params, prepared: Params) -> str | None:
        held = await node.balance(text(params, "address"))
        return str(held) if held == number(prepared, "wei") else None


class Warp(Act):
    """The next block is made at once, at a later time."""

    def effect(self, name: str, params: Params) -> Effect:
        return Effect("state", f"clock of {name}", moment(number(params, "from")), moment(number(params, "to")))

    async def prepare(self, node: NodeControl, params: Params) -> dict[str, object]:
        return {"height": await node.height()}

    async def do(self, node: NodeControl, params: Params, prepared: Params) -> None:
        if (await node.head()).timestamp < number(params, "to"):
            await node.mine_at(number(params, "to"))

    async def after(self, node: NodeControl, params: Params, prepared: Params) -> str | None:
        height = number(prepared, "height")
        head = await node.head()
        if head.number <= height or head.timestamp < number(params, "to"):
            return None
        return moment((await node.block(hex(height + 1))).timestamp)


class Pace(Act):
    """How blocks are made: with each transaction, every so many seconds, or on request only."""

    saves = False

    def effect(self, name: str, params: Params) -> Effect:
        before = pace(paused=bool(params["was_paused"]), seconds=number(params, "was_seconds"))
        return Effect("state", f"mining of {name}", before, pace(paused=bool(params["paused"]), seconds=number(params, "seconds")))

    async def do(self, node: NodeControl, params: Params, prepared: Params) -> None:
        await node.set_pace(paused=bool(params["paused"]), seconds=number(params, "seconds"))

    async def after(self, node: NodeControl, params: Params, prepared: Params) -> str | None:
        seconds = await node.interval()
        automine = await node.automine()
        wanted = (not params["paused"] and not number(params, "seconds"), 0 if params["paused"] else number(params, "seconds"))
        return pace(paused=not automine and not seconds, seconds=seconds) if (automine, seconds) == wanted else None

    async def kept(self, nodes: NodeProcesses, name: str, params: Params) -> None:
        await nodes.change(name, paused=bool(params["paused"]), block_time=number(params, "seconds"))


class BaseFee(Act):
    """The next block is made at once, with a base fee (EIP-1559)."""

    def effect(self, name: str, params: Params) -> Effect:
        return Effect("state", f"base fee of {name}, wei per gas", str(number(params, "from")), str(number(params, "wei")))

    async def prepare(self, node: NodeControl, params: Params) -> dict[str, object]:
        return {"height": await node.height()}

    async def do(self, node: NodeControl, params: Params, prepared: Params) -> None:
        if await self.after(node, params, prepared) is None:
            await node.set_base_fee(number(params, "wei"))

    async def after(self, node: NodeControl, params: Params, prepared: Params) -> str | None:
        height = number(prepared, "height")
        for each in range(height + 1, min(await node.height(), height + 8) + 1):  # others may have made blocks meanwhile
            if (await node.block(hex(each))).base_fee == number(params, "wei"):
                return str(number(params, "wei"))
        return None


class Drop(Act):
    """A transaction leaves the pool."""

    saves = False  # the pool is in no snapshot

    def effect(self, name: str, params: Params) -> Effect:
        return Effect("state", f"transaction {text(params, 'hash')}", "waits in the pool", "dropped")

    async def do(self, node: NodeControl, params: Params, prepared: Params) -> None:
        await node.drop(text(params, "hash"))

    async def after(self, node: NodeControl, params: Params, prepared: Params) -> str | None:
        if await node.in_block(text(params, "hash")):
            return "in a block"
        return None if await node.knows(text(params, "hash")) else "dropped"

    async def failure(self, node: NodeControl, params: Params, prepared: Params) -> str:
        mined = await node.in_block(text(params, "hash"))
        return "It came into a block before it could be dropped." if mined else ""


class Reorganise(Act):
    """The last blocks are replaced by empty ones."""

    def effect(self, name: str, params: Params) -> Effect:
        head, depth = number(params, "from"), number(params, "depth")
        return Effect("state", f"blocks {head - depth + 1:,} to {head:,} of {name}", "as they are", "replaced by empty ones")

    async def prepare(self, node: NodeControl, params: Params) -> dict[str, object]:
        first = await node.height() - number(params, "depth") + 1
        return {"first": first, "hash": (await node.block(hex(first))).hash}

    async def do(self, node: NodeControl, params: Params, prepared: Params) -> None:
        await node.reorganise(number(params, "depth"))

    async def after(self, node: NodeControl, params: Params, prepared: Params) -> str | None:
        first = number(prepared, "first")
        if await node.height() < first or (await node.block(hex(first))).hash == text(prepared, "hash"):
            return None
        return "replaced by empty ones"


class Impersonate(Act):
    """A transaction in the name of any account, without its key."""

    def effect(self, name: str, params: Params) -> Effect:
        who = text(params, "sender")
        return Effect(
            "state", who, f"nonce {number(params, 'nonce')}", f"nonce {number(params, 'nonce') + 1}", label="impersonated"
        )

    async def prepare(self, node: NodeControl, params: Params) -> dict[str, object]:
        return {"nonce": await node.nonce(text(params, "sender"))}

    async def do(self, node: NodeControl, params: Params, prepared: Params) -> None:
        sender, nonce = text(params, "sender"), number(prepared, "nonce")
        if not (await node.sent_by(sender, nonce))[0]:
            await node.send_as(sender, nonce, text(params, "to"), number(params, "wei"), text(params, "data"))

    async def after(self, node: NodeControl, params: Params, prepared: Params) -> str | None:
        sent, _ = await node.sent_by(text(params, "sender"), number(prepared, "nonce"))
        return f"nonce {number(prepared, 'nonce') + 1}" if sent else None

    async def failure(self, node: NodeControl, params: Params, prepared: Params) -> str:
        sent, succeeded = await node.sent_by(text(params, "sender"), number(prepared, "nonce"))
        return f"The transaction {sent} was reverted; it changed nothing but the nonce." if succeeded is False else ""


ACTS: dict[str, Act] = {
    "mine": Mine(),
    "fund": Fund(),
    "warp": Warp(),
    "pace": Pace(),
    "basefee": BaseFee(),
    "drop": Drop(),
    "reorg": Reorganise(),
    "impersonate": Impersonate(),
}


def moment(seconds: int) -> str:
    """A chain's time, for people."""
    return f"{iso(seconds * 1000)[:19].replace('T', ' ')} UTC"


def pace(*, paused: bool, seconds: int) -> str:
    """How blocks are made, in words."""
    return "on request only" if paused else f"every {seconds} s" if seconds else "with each transaction"
