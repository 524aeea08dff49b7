"""A chain with contracts of this test's own on it, and a simulation of each kind before it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.chain import CallRequest, Chain, Simulation, abi
from app.chain.simulation import METHODS, Simulated
from app.contracts.solc import Solc, gather, standard_json
from app.contracts.toolchain import CONTRACTS, Toolchain
from tests.conftest import Node

SOURCES = Path(__file__).parent / "contracts"


def compiled() -> dict[str, Any]:
    """ABI and creation code by contract name."""
    answer = json.loads(Solc(Toolchain()).compile(standard_json(gather(SOURCES, CONTRACTS / "node_modules"))))
    assert not [error for error in answer.get("errors", []) if error["severity"] == "error"], answer["errors"]
    return answer["contracts"]["contracts/Probe.sol"]


class OneNetwork:
    """What a simulation asks of the networks: the one chain."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain

    async def connect(self, _: str) -> Chain:
        return self.chain


@dataclass
class World:
    """A node with a token and a probe on it."""

    node: Node
    chain: Chain
    built: dict[str, Any]
    token: str = ""
    probe: str = ""
    only: dict[str, Simulation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.me, self.other, self.third = self._three()
        self.token = self.create("Token", "TKN")
        self.probe = self.create("Probe")
        for method in METHODS:
            self.only[method] = self.simulation(method)

    def _three(self) -> tuple[str, str, str]:
        from app.chain.hashing import checksum_address

        first, second, third = (checksum_address(bytes.fromhex(account[2:])) for account in self.node.accounts[:3])
        return first, second, third

    def simulation(self, *methods: str) -> Simulation:
        """One that may use these ways only."""
        simulation = Simulation(networks=OneNetwork(self.chain), methods=methods)  # type: ignore[arg-type]
        for name, contract in self.built.items():
            simulation.register_abi(contract["abi"], name)
        return simulation

    def creation(self, name: str, *arguments: object) -> str:
        """Creation code with arguments."""
        contract = self.built[name]
        constructor = next((entry for entry in contract["abi"] if entry["type"] == "constructor"), {"inputs": ()})
        encoded = abi.encode(abi.types_of(constructor["inputs"]), arguments).hex()
        return "0x" + contract["evm"]["bytecode"]["object"] + encoded

    def create(self, name: str, *arguments: object) -> str:
        """A contract on the chain; its address."""
        sent = self.node("eth_sendTransaction", {**self._paid(), "from": self.me, "data": self.creation(name, *arguments)})
        from app.chain.hashing import checksum_address

        address = self.node("eth_getTransactionReceipt", sent)["contractAddress"]
        return checksum_address(bytes.fromhex(address[2:]))

    def call(self, name: str, *arguments: object, sender: str = "", value: int = 0, to: str = "") -> CallRequest:
        """A call of the probe, or of the token when only that has the function."""
        contract = "Probe" if any(entry.get("name") == name for entry in self.built["Probe"]["abi"]) else "Token"
        target = to or (self.probe if contract == "Probe" else self.token)
        return CallRequest(sender or self.me, target, abi.encode_call(self.built[contract]["abi"], name, arguments), value)

    def send(self, call: CallRequest) -> dict[str, Any]:
        """Carry it out; its receipt."""
        body = {**self._paid(), "from": call.sender, "data": call.data, "value": hex(call.value)}
        body |= {"to": call.to} if call.to else {}
        return self.node("eth_getTransactionReceipt", self.node("eth_sendTransaction", body))  # type: ignore[no-any-return]

    def _paid(self) -> dict[str, str]:
        """A gas price, which chains from before EIP-1559 take too."""
        return {"gasPrice": self.node("eth_gasPrice")}

    async def everywhere(self, calls: list[CallRequest]) -> dict[str, Simulated]:
        """The calls in each way that can try them."""
        able = {method: simulation for method, simulation in self.only.items() if method != METHODS[0] or not _pays(calls)}
        return {method: await simulation.preview("anvil", calls) for method, simulation in able.items()}


def _pays(calls: list[CallRequest]) -> bool:
    """A creation that takes coin: eth_simulateV1 gives it to the next way."""
    return any(call.to is None and call.value for call in calls)
