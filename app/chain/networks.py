"""Networks as data, and whether the chain behind an address is the one it was.

A network is told by its chain id *and* its genesis hash. Local ones are trusted on first use, and a new genesis is offered as "this
chain was reset"; all others are pinned at the first connection, and another genesis refuses.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from app.chain.rpc import Rpc, RpcFailure
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Invalid, NotFound, Unavailable
from app.core.events import Bus, HeadChanged, NetworkChanged
from app.core.urls import shown_url
from app.operations.plans import Target, TargetKind

if TYPE_CHECKING:
    from app.core.jobs import Jobs
    from app.core.settings import NetworkSetting, SettingsStore
    from app.database import Database

log = logging.getLogger(__name__)

# ethereum-lists/chains, _data/chains/eip155-195.json, read 2026-08.
_COLLISIONS = {
    195: "Chain id 195 is also registered by X Layer Testnet: a transaction or typed signature for Azora is valid there too when "
    "the same key or contract address is used. The console tells networks apart by chain id and genesis hash.",
    1337: "Chain id 1337 is what nearly every development chain uses. The console tells them apart by their genesis hash.",
}
POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class NetworkKey:
    """What a network is: chain id and genesis hash (``0x…``). Its text is ``1337:0x…``."""

    chain_id: int
    genesis: str

    @property
    def text(self) -> str:
        """The key as stores and events carry it."""
        return f"{self.chain_id}:{self.genesis}"

    @classmethod
    def parse(cls, text: str) -> NetworkKey:
        """Inverse of :attr:`text`."""
        chain_id, _, genesis = text.partition(":")
        return cls(int(chain_id), genesis)


DEMO = "local-demo"  # the id of the chain that app.demo makes


@dataclass(frozen=True, slots=True)
class Network:
    """One network. ``genesis`` is empty until it was seen; ``own`` means that this console started its node."""

    id: str
    name: str
    chain_id: int
    environment: str
    rpc_url: str = field(repr=False)
    confirmations: int
    genesis: str = ""
    symbol: str = "ETH"
    own: bool = False
    fee_ceiling_gwei: int = 500

    @property
    def demo(self) -> bool:
        """Whether it is the chain of the demo economy; what is shown or exported of it says so."""
        return self.id == DEMO

    @property
    def shown_url(self) -> str:
        """The endpoint's address without the key that it may carry."""
        return shown_url(self.rpc_url) if self.rpc_url else ""

    @property
    def key(self) -> NetworkKey:
        """Chain id and genesis."""
        return NetworkKey(self.chain_id, self.genesis)

    def target(self) -> Target:
        """As the target of a plan; plans on own chains are quick."""
        return Target(TargetKind.NETWORK, self.key.text, self.name, self.environment, self.own)


@dataclass(frozen=True, slots=True)
class Block:
    """A block header. ``base_fee`` is wei per gas, or None on chains without EIP-1559; ``raw`` is the node's own answer."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee: int | None
    raw: dict[str, Any]

    @classmethod
    def read(cls, raw: dict[str, Any]) -> Block:
        """From a node's answer."""
        base = raw.get("baseFeePerGas")
        return cls(
            int(raw["number"], 16),
            raw["hash"],
            raw["parentHash"],
            int(raw["timestamp"], 16),
            int(base, 16) if base is not None else None,
            raw,
        )


@dataclass(frozen=True, slots=True)
class NetworkStatus:
    """What a network answered just now. ``problem`` is empty when all is well; latency in milliseconds."""

    network: Network
    reachable: bool
    block: int
    block_time: int
    latency_ms: float
    syncing: bool
    client: str
    problem: str


class Chain:
    """A network that was checked, and its endpoint."""

    def __init__(self, network: Network, rpc: Rpc) -> None:
        self.network = network
        self.rpc = rpc

    async def head(self) -> Block:
        """The newest block."""
        return Block.read(await self.rpc.call("eth_getBlockByNumber", "latest", False))

    async def block(self, number: int) -> Block:
        """The block of that height.

        Raises:
            NotFound: the chain is not that long.
        """
        raw = await self.rpc.call("eth_getBlockByNumber", hex(number), False)
        if raw is None:
            raise NotFound(f"{self.network.name} has no block {number:,} (yet).")
        return Block.read(raw)


class Networks:
    """The known networks, which one is current, and connections to them."""

    def __init__(self, *, settings: SettingsStore, database: Database, bus: Bus, jobs: Jobs) -> None:
        self._settings = settings
        self._database = database
        self._bus = bus
        self._jobs = jobs
        self._own: dict[str, Network] = {}
        self._pins: dict[str, tuple[int, str]] = {}
        self._rpcs: dict[str, Rpc] = {}
        self._former: list[Rpc] = []  # no longer given out; whoever has one may ask again, which opens it
        self._checked: dict[str, float] = {}
        self._heads: dict[str, tuple[int, str]] = {}
        self._watcher: Any = None
        self.route: Callable[[str], str] = lambda url: url  # where an address leads: through a tunnel, perhaps

    # knowing

    async def load(self) -> None:
        """Read pins and own networks from the store."""
        from app.chain.tables import network_pins, own_networks

        def read(connection: Any) -> tuple[list[Any], list[Any]]:
            return list(connection.execute(network_pins.select())), list(connection.execute(own_networks.select()))

        pins, own = await self._database.read(read)
        self._pins = {row.network_id: (int(row.chain_id), "0x" + bytes(row.genesis).hex()) for row in pins}
        self._own = {row.network_id: _from_json(row.body) for row in own}

    def list(self) -> list[Network]:
        """Own networks first, then those of the settings."""
        configured = [self._configured(setting) for setting in self._settings.value.networks]
        return [*self._own.values(), *(network for network in configured if network.id not in self._own)]

    def _configured(self, setting: NetworkSetting) -> Network:
        chain_id, genesis = self._pins.get(setting.id, (setting.chain_id, setting.genesis))
        return Network(
            id=setting.id,
            name=setting.name,
            chain_id=setting.chain_id,
            environment=setting.environment,
            rpc_url=setting.rpc_url,
            confirmations=setting.confirmations,
            genesis=setting.genesis or (genesis if chain_id == setting.chain_id else ""),
            symbol=setting.symbol,
            fee_ceiling_gwei=setting.fee_ceiling_gwei,
        )

    def get(self, network_id: str) -> Network:
        """The network of that id, or of that key text.

        Raises:
            NotFound: there is none.
        """
        for network in self.list():
            if network_id in (network.id, network.key.text):
                return network
        raise NotFound(f"There is no network “{network_id}”. Nothing was done.", "List them: azora network list", field="network")

    @property
    def current(self) -> Network | None:
        """The one that commands and panels mean, or None."""
        wanted = self._settings.value.current_network
        return next((network for network in self.list() if network.id == wanted), None)

    def collisions(self, chain_id: int) -> str:
        """A sentence when others use this chain id too, else empty."""
        return _COLLISIONS.get(chain_id, "")

    # changing

    async def select(self, network_id: str) -> Network:
        """Make it the current one."""
        network = self.get(network_id)
        self._settings.set("current_network", network.id)
        self._bus.publish(NetworkChanged(network.key.text))
        return network

    async def add(self, setting: NetworkSetting) -> Network:
        """Add a network after checking that its endpoint answers with the chain id given; its genesis is pinned.

        Raises:
            Conflict: the id is taken, or the endpoint is another chain; nothing was added.
            Unavailable: the endpoint does not answer; nothing was added.
        """
        if any(network.id == setting.id for network in self.list()):
            raise Conflict(f"There is a network “{setting.id}” already. Nothing was added.", "Give it another name.", field="name")
        if not setting.rpc_url.startswith(("http://", "https://")):
            raise Invalid(
                "The address must begin with http:// or https://. Nothing was added.", "Correct the address.", field="rpc_url"
            )
        rpc = Rpc(self.route(setting.rpc_url))
        try:
            chain_id, genesis = await _identity(rpc)
        finally:
            await rpc.close()
        if chain_id != setting.chain_id:
            raise Conflict(
                f"That endpoint is chain {chain_id}, not {setting.chain_id}. Nothing was added.",
                "Correct the chain id.",
                field="chain_id",
            )
        if setting.genesis and setting.genesis != genesis:
            raise _other_genesis(setting.name, setting.genesis, genesis)
        kept = [*self._settings.value.networks, setting]
        self._settings.set("networks", kept)
        await self._pin(setting.id, chain_id, genesis)
        self._bus.publish(NetworkChanged(f"{chain_id}:{genesis}"))
        return self.get(setting.id)

    async def remove(self, network_id: str) -> None:
        """Forget a network of the settings; its ledger stays.

        Raises:
            Conflict: a local node owns it, or it is the current one.
        """
        network = self.get(network_id)
        if network.own:
            raise Conflict("This network belongs to a local chain. Nothing was removed.", "Delete the local chain.")
        if network == self.current:
            raise Conflict(
                f"{network.name} is the current network: commands and panels mean it. Nothing was removed.",
                "Make another network the current one first.",
            )
        self._settings.set("networks", [s for s in self._settings.value.networks if s.id != network.id])
        await self._disconnect(network.id)
        self._bus.publish(NetworkChanged(""))

    async def set_fee_ceiling(self, network_id: str, gwei: int) -> Network:
        """Offer no more than that many gwei per gas on a network from now on.

        Raises:
            Invalid: it is no number from 1 to 1,000,000. The ceiling was not changed.
            NotFound: there is no such network.
        """
        network = self.get(network_id)
        if not 1 <= gwei <= 1_000_000:
            raise Invalid(
                "A fee ceiling is from 1 to 1,000,000 gwei per gas. It was not changed.",
                "Enter such a number.",
                field="fee_ceiling",
            )
        if network.id in self._own:
            await self._keep_own(replace(network, fee_ceiling_gwei=gwei))
        else:
            kept = self._settings.value.networks
            changed = [s.model_copy(update={"fee_ceiling_gwei": gwei}) if s.id == network.id else s for s in kept]
            self._settings.set("networks", changed)
        self._bus.publish(NetworkChanged(network.key.text))
        return self.get(network.id)

    async def put_own(self, network: Network) -> None:
        """Keep the network of a local node that this console started (its genesis is known, so there is nothing to trust)."""
        known = self._own.get(network.id)
        await self._keep_own(replace(network, fee_ceiling_gwei=known.fee_ceiling_gwei) if known is not None else network)
        await self._disconnect(network.id)
        self._bus.publish(NetworkChanged(network.key.text))

    async def _keep_own(self, network: Network) -> None:
        from app.chain.tables import own_networks

        def write(connection: Any) -> None:
            connection.execute(own_networks.delete().where(own_networks.c.network_id == network.id))
            connection.execute(own_networks.insert().values(network_id=network.id, body=_to_json(network)))

        await self._database.write(write)
        self._own[network.id] = network

    async def drop_own(self, network_id: str) -> None:
        """Forget the network of a deleted local chain."""
        from app.chain.tables import own_networks

        await self._database.write(
            lambda connection: connection.execute(own_networks.delete().where(own_networks.c.network_id == network_id))
        )
        self._own.pop(network_id, None)
        await self._disconnect(network_id)
        if self._settings.value.current_network == network_id:
            self._settings.set("current_network", "")
        self._bus.publish(NetworkChanged(""))

    async def accept_reset(self, network_id: str) -> Network:
        """Pin a local network anew after its chain was reset; the new genesis has a ledger of its own.

        Raises:
            Conflict: only local networks can be reset; a production chain never changes its genesis.
        """
        network = self.get(network_id)
        if network.environment != "local":
            raise Conflict(
                f"{network.name} is not local: its genesis never changes. The pin was kept.",
                "The endpoint is another chain. Use another address.",
            )
        chain_id, genesis = await _identity(self._rpc(network))
        if chain_id != network.chain_id:
            raise Conflict(f"That endpoint is chain {chain_id}, not {network.chain_id}. The pin was kept.", "Correct the address.")
        await self._pin(network.id, chain_id, genesis)
        self._checked.pop(network.id, None)
        self._bus.publish(NetworkChanged(f"{chain_id}:{genesis}"))
        return self.get(network_id)

    async def _pin(self, network_id: str, chain_id: int, genesis: str) -> None:
        from app.chain.tables import network_pins

        def write(connection: Any) -> None:
            connection.execute(network_pins.delete().where(network_pins.c.network_id == network_id))
            values = {"network_id": network_id, "chain_id": chain_id, "genesis": bytes.fromhex(genesis[2:]), "pinned_at": now_ms()}
            connection.execute(network_pins.insert().values(**values))

        await self._database.write(write)
        self._pins[network_id] = (chain_id, genesis)

    # reaching

    def _rpc(self, network: Network) -> Rpc:
        if not network.rpc_url:
            hint = "Set AZORA_RPC_URL." if network.id == "azora" else "Start the chain, or set its address in Settings."
            raise Unavailable(f"{network.name} has no address. Nothing was done.", hint)
        url = self.route(network.rpc_url)
        rpc = self._rpcs.get(network.id)
        if rpc is None or rpc.url != url:
            if rpc is not None:
                self._former.append(rpc)
            rpc = self._rpcs[network.id] = Rpc(url)
            self._checked.pop(network.id, None)
        return rpc

    async def connect(self, network_id: str) -> Chain:
        """The network as a checked chain: its chain id and genesis are compared once per connection and minute.

        Raises:
            Unavailable: it has no address or does not answer.
            Conflict: the endpoint is another chain, or a local one was reset.
        """
        network = self.get(network_id)
        rpc = self._rpc(network)
        if time.monotonic() - self._checked.get(network.id, -1e9) > (2.0 if network.environment == "local" else 60.0):
            network = await self._check(network, rpc)
            self._checked[network.id] = time.monotonic()
        return Chain(network, rpc)

    async def _check(self, network: Network, rpc: Rpc) -> Network:
        try:
            chain_id, genesis = await _identity(rpc)
        except Unavailable as error:
            if not network.own or "connection was refused" not in error.message:
                raise
            name = network.id.removeprefix("local-")
            raise Unavailable(
                f"The local chain {name} does not run. Nothing was done.", f"Start it: azora chain start {name}", retryable=True
            ) from None
        if chain_id != network.chain_id:
            raise Conflict(
                f"{network.name} should be chain {network.chain_id}, but its endpoint is {chain_id}. Nothing was read or sent.",
                "Correct the address.",
            )
        if not network.genesis:
            await self._pin(network.id, chain_id, genesis)
            self._bus.publish(NetworkChanged(f"{chain_id}:{genesis}"))
            return self.get(network.id)
        if genesis != network.genesis:
            if network.environment == "local":
                raise Conflict(
                    f"{network.name} was reset: its genesis is {genesis}, it was {network.genesis}. Nothing was read or sent.",
                    "Accept the reset in Settings, Networks, or: azora network accept-reset " + network.id,
                    details={"pinned": network.genesis, "found": genesis, "reset": True},
                )
            raise _other_genesis(network.name, network.genesis, genesis)
        return network

    async def status(self, network_id: str) -> NetworkStatus:
        """Ask the network how it is. Never raises for a network that does not answer: that is the answer."""
        network = self.get(network_id)
        began = time.perf_counter()
        try:
            rpc = self._rpc(network)
            network = await self._check(network, rpc)
            head, client, syncing = await rpc.batch(
                [("eth_getBlockByNumber", ["latest", False]), ("web3_clientVersion", []), ("eth_syncing", [])]
            )
        except ConsoleError as error:
            reachable = isinstance(error, Conflict | RpcFailure)
            return NetworkStatus(network, reachable, 0, 0, 0.0, False, "", str(error))
        latency = (time.perf_counter() - began) * 1000 / 3  # three round trips
        block = Block.read(head)
        self._seen(network, block)
        return NetworkStatus(network, True, block.number, block.timestamp, latency, bool(syncing), str(client), "")

    def _seen(self, network: Network, block: Block) -> None:
        if self._heads.get(network.id) != (block.number, block.hash):
            self._heads[network.id] = (block.number, block.hash)
            self._bus.publish(HeadChanged(network.key.text, block.number))

    def watch(self) -> None:
        """Look for new blocks of the current network until the console closes; tells by ``HeadChanged``."""

        async def look() -> None:
            while True:
                current = self.current
                if current is not None and current.rpc_url:
                    await self.status(current.id)
                await asyncio.sleep(POLL_SECONDS)

        self._jobs.quietly("head watcher", look, endless=True)

    async def _disconnect(self, network_id: str) -> None:
        self._checked.pop(network_id, None)
        rpc = self._rpcs.pop(network_id, None)
        if rpc is not None:
            self._former.append(rpc)
            await rpc.close()

    async def close(self) -> None:
        """Close every connection."""
        for network_id in list(self._rpcs):
            await self._disconnect(network_id)
        while self._former:
            await self._former.pop().close()


async def _identity(rpc: Rpc) -> tuple[int, str]:
    chain_id, genesis = await rpc.batch([("eth_chainId", []), ("eth_getBlockByNumber", ["0x0", False])])
    if not genesis:
        raise Unavailable(
            f"{rpc.shown} does not give its genesis block, so it cannot be told which chain it is.", "Use another endpoint."
        )
    return int(chain_id, 16), str(genesis["hash"])


def _other_genesis(name: str, pinned: str, found: str) -> Conflict:
    return Conflict(
        f"{name} is pinned to genesis {pinned}, but the endpoint's is {found}: it is another chain. Nothing was read or sent.",
        "Use an endpoint of the pinned chain, or remove the network and add it anew.",
        details={"pinned": pinned, "found": found},
    )


def _to_json(network: Network) -> dict[str, object]:
    return {name: getattr(network, name) for name in Network.__slots__}


def _from_json(body: dict[str, Any]) -> Network:
    numbers: dict[str, Any] = {
        name: int(str(body[name])) for name in ("chain_id", "confirmations", "fee_ceiling_gwei") if name in body
    }
    return replace(Network("", "", 0, "", "", 1), **{**body, **numbers})
