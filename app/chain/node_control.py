"""What a local node can be told: the methods of anvil beside those of every node."""

from __future__ import annotations

import asyncio
import gzip

from app.chain.hashing import checksum_address
from app.chain.networks import Block
from app.chain.rpc import Rpc
from app.core.errors import Unavailable


class NodeControl:
    """One running node. Amounts in wei, prices in wei per gas, times in seconds since 1970. Close it after use."""

    def __init__(self, url: str) -> None:
        self._rpc = Rpc(url)

    async def __aenter__(self) -> NodeControl:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let the connection go."""
        await self._rpc.close()

    # looking

    async def block(self, which: str) -> Block:
        """A block by number (hex) or name."""
        return Block.read(await self._rpc.call("eth_getBlockByNumber", which, False))

    async def head(self) -> Block:
        """The newest block."""
        return await self.block("latest")

    async def height(self) -> int:
        """The newest block's number."""
        return await self._number("eth_blockNumber")

    async def balance(self, address: str) -> int:
        """Native coin of an account."""
        return await self._number("eth_getBalance", address, "latest")

    async def nonce(self, address: str) -> int:
        """The next nonce of an account, counting what waits in the pool."""
        return await self._number("eth_getTransactionCount", address, "pending")

    async def holdings(self, addresses: tuple[str, ...]) -> list[tuple[int, int]]:
        """Balance and nonce of each account, in one batch."""
        asks = [(method, [a, "latest"]) for a in addresses for method in ("eth_getBalance", "eth_getTransactionCount")]
        answers = [int(str(answer), 16) for answer in await self._rpc.batch(asks)] if asks else []
        return list(zip(answers[::2], answers[1::2], strict=True))

    async def automine(self) -> bool:
        """Whether a transaction makes a block at once."""
        return bool(await self._rpc.call("anvil_getAutomine"))

    async def interval(self) -> int:
        """Seconds between blocks; 0: none is made by the clock."""
        return int(await self._rpc.call("anvil_getIntervalMining") or 0)

    async def pending(self) -> list[tuple[str, str, int]]:
        """What waits in the pool: hash, sender and nonce."""
        pool = await self._rpc.call("txpool_content")
        return [
            (str(tx["hash"]), checksum_address(bytes.fromhex(tx["from"][2:])), int(tx["nonce"], 16))
            for part in ("pending", "queued")
            for by_nonce in pool[part].values()
            for tx in by_nonce.values()
        ]

    async def knows(self, tx_hash: str) -> bool:
        """Whether a transaction is in the pool or in a block."""
        return await self._rpc.call("eth_getTransactionByHash", tx_hash) is not None

    async def in_block(self, tx_hash: str) -> bool:
        """Whether a transaction is in a block."""
        return await self._rpc.call("eth_getTransactionReceipt", tx_hash) is not None

    async def sent_by(self, address: str, nonce: int) -> tuple[str, bool | None]:
        """The hash of what an account sent with a nonce, or empty, and whether it succeeded (None: not in a block yet)."""
        found = await self._rpc.call("eth_getTransactionBySenderAndNonce", address, hex(nonce))
        if found is None:
            return "", None
        receipt = await self._rpc.call("eth_getTransactionReceipt", found["hash"])
        return str(found["hash"]), None if receipt is None else int(receipt["status"], 16) == 1

    # doing

    async def mine(self, blocks: int) -> None:
        """Make blocks at once."""
        await self._rpc.call("anvil_mine", hex(blocks))

    async def set_balance(self, address: str, wei: int) -> None:
        """Set an account's native coin, and mine a block so that it is in a state root."""
        await self.set_balances({address: wei})

    async def set_balances(self, balances: dict[str, int]) -> None:
        """Set many at once, in one block."""
        await self._rpc.batch([("anvil_setBalance", [address, hex(wei)]) for address, wei in balances.items()])
        await self.mine(1)

    async def set_clock(self, timestamp: int) -> None:
        """The time from which the node's clock goes on."""
        await self._rpc.call("evm_setTime", hex(timestamp))

    async def mine_at(self, timestamp: int) -> None:
        """Make a block of a later time; the clock goes on from there."""
        await self._rpc.call("evm_setNextBlockTimestamp", hex(timestamp))
        await self.mine(1)

    async def set_pace(self, *, paused: bool, seconds: int) -> None:
        """Mine each transaction at once (0), every so many seconds, or nothing by itself.

        The order matters: an interval switches automine off, and automine the interval.
        """
        await self._rpc.call("evm_setIntervalMining", 0 if paused else seconds)
        if paused or not seconds:
            await self._rpc.call("evm_setAutomine", not paused)

    async def set_base_fee(self, wei: int) -> None:
        """The base fee of the next block (EIP-1559), which is made at once."""
        await self._rpc.call("anvil_setNextBlockBaseFeePerGas", hex(wei))
        await self.mine(1)

    async def drop(self, tx_hash: str) -> None:
        """Take a transaction out of the pool."""
        await self._rpc.call("anvil_dropTransaction", tx_hash)

    async def reorganise(self, depth: int) -> None:
        """Replace the last blocks by empty ones."""
        await self._rpc.call("anvil_reorg", depth, [])

    async def send_as(self, address: str, nonce: int, to: str, wei: int, data: str) -> None:
        """Send in the name of any account, without its key."""
        await self._rpc.call("anvil_impersonateAccount", address)
        try:
            asked = {"from": address, "to": to, "value": hex(wei), "data": data, "nonce": hex(nonce)}
            await self._rpc.call("eth_sendTransaction", asked)
        finally:
            await self._rpc.call("anvil_stopImpersonatingAccount", address)

    async def dump(self) -> bytes:
        """Its whole state with blocks, transactions and historical states: JSON, gzipped. What waits in the pool is not in it.

        Raises:
            Unavailable: what it gave cannot be read.
        """
        packed = bytes.fromhex(str(await self._rpc.call("anvil_dumpState", True)).removeprefix("0x"))
        try:
            await asyncio.to_thread(gzip.decompress, packed)
        except (OSError, EOFError) as error:
            raise Unavailable("The node gave a state that cannot be read. No snapshot was taken.", "Try again.") from error
        return packed

    async def _number(self, method: str, *params: object) -> int:
        return int(str(await self._rpc.call(method, *params)), 16)
