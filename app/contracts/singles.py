"""Deploying one contract of any project: from its ABI, linked, at an address that the nonce or CREATE2 decides.

With a salt the contract is made by the deterministic deployer (``app.contracts.create2``), so its address depends on salt and code
alone: a foreign nonce does not change it, and it can be made only once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from app.chain import abi
from app.chain.hashing import created_address
from app.chain.simulation import CallRequest
from app.chain.transactions import TransactionRequest
from app.contracts.artifacts import Artifact
from app.contracts.create2 import (
    CreatingStep,
    address_of,
    code_at,
    creation_request,
    deployer_calls,
    deployer_steps,
    deployer_verdicts,
    lacking,
)
from app.contracts.deployments import SIZE_LIMIT, Deployments
from app.contracts.systems import account, salt_of
from app.contracts.values import as_text, called, read_values, shown
from app.core.clock import now_ms
from app.core.errors import Invalid, NotFound
from app.operations.plans import Effect, Plan, Preview, StepSpec, Verdict, VerdictLevel
from app.operations.steps import Outcome, PlanKind, StepContext

if TYPE_CHECKING:
    from app.chain import Fees, Networks, Simulation, Transactions
    from app.contracts.compiler import Compiler
    from app.operations import Operations

KIND = "contracts.deploy_one"
STEP = "contracts.create_one"
CREATION_LIMIT = 2 * SIZE_LIMIT  # bytes of creation code, EIP-3860


class Singles:
    """Plans, previews and measures the deployment of one contract."""

    def __init__(
        self,
        networks: Networks,
        simulation: Simulation,
        fees: Fees,
        transactions: Transactions,
        operations: Operations,
        compiler: Compiler,
        deployments: Deployments,
    ) -> None:
        self._networks = networks
        self._simulation = simulation
        self._fees = fees
        self._transactions = transactions
        self._operations = operations
        self._compiler = compiler
        acts = frozenset({"administrator", "developer"})
        undo = "Deployed code cannot be taken back."
        operations.register_kind(PlanKind(KIND, self._preview, self._measure, acts, undo=undo))
        operations.register_step(STEP, lambda plan, spec: CreateOneStep(transactions, plan, spec, deployments))

    async def plan(
        self,
        network_id: str,
        sender: str,
        artifact: Artifact,
        given: Sequence[object] = (),
        *,
        libraries: Mapping[str, str] | None = None,
        value: int = 0,
        salt: str = "",
    ) -> Plan:
        """Plan one contract.

        Args:
            sender: pays and signs (EIP-55 address).
            artifact: what was compiled; the plan carries its code, so that editing the source changes no plan.
            given: the constructor's arguments as written (``app.contracts.values``), structs and arrays included.
            libraries: addresses by ``file:Name`` or name, where the code must be linked.
            value: wei that the constructor receives.
            salt: 32 bytes as ``0x…``, or any text, whose Keccak-256 it then is; empty: the nonce decides the address.

        Raises:
            Invalid: an argument does not fit (``field`` is its place), a library is missing, or the constructor takes no coins.
        """
        arguments = read_values(artifact.parameters, given)
        if value and not any(e.get("type") == "constructor" and e.get("stateMutability") == "payable" for e in artifact.abi):
            raise Invalid(f"The constructor of {artifact.name} takes no coins. Nothing was planned.", field="value")
        linked = {name: account(address, "libraries") for name, address in (libraries or {}).items()}
        code = artifact.creation_code(linked) + abi.encode(abi.types_of(artifact.parameters), arguments)
        chain = await self._networks.connect(network_id)
        network = chain.network
        pairs = zip(artifact.parameters, arguments, strict=True)
        params = {
            "name": artifact.name,
            "sender": sender,
            "code": "0x" + code.hex(),
            "artifact": artifact.digest,
            "arguments": [[called(each, at), as_text(shown(each, item))] for at, (each, item) in enumerate(pairs)],
            "value": value,
            "salt": salt_of(salt),
        }
        before = await deployer_steps(chain, sender, self._transactions) if params["salt"] else []
        step = StepSpec(STEP, f"Create {artifact.name}", {"network": network.key.text, "sender": sender})
        return await self._operations.plan(KIND, f"Deploy {artifact.name}", network.target(), params, [*before, step])

    async def _preview(self, plan: Plan) -> Preview:
        chain = await self._networks.connect(plan.target.ref)
        sender, name, request = str(plan.params["sender"]), str(plan.params["name"]), request_of(plan)
        asked = [("eth_getTransactionCount", [sender, "pending"]), ("eth_getBalance", [sender, "latest"])]
        nonce, held = (int(str(answer), 16) for answer in await chain.rpc.batch(asked))
        salt = str(plan.params["salt"])
        address = address_of(salt, str(plan.params["code"])) if salt else created_address(sender, nonce)
        verdicts = [self._sized(plan), *(await deployer_verdicts(chain, plan) if salt else ())]
        if await code_at(chain, address) != "0x":
            text = f"{address} has code already: this contract was made there with this salt"
            verdicts.append(Verdict("contracts.there", VerdictLevel.BLOCK, text, "Nothing needs to be done, or take another salt."))
        calls = [
            *deployer_calls(plan, sender),
            CallRequest(sender, request.to, request.data, request.value, f"Create {name}"),
        ]
        simulated = await self._simulation.preview(chain.network.id, calls)
        error = simulated.error or lacking(verdicts)
        quote = await self._fees.quote_for(chain, plan.params)
        fee = quote.fee(sum(simulated.gas), chain.network.symbol)
        enough = held >= fee.limit + sum(call.value for call in calls)
        text = f"The deployer holds {'enough' if enough else 'too little'} {fee.unit} for the network fee and what it sends"
        verdicts += [Verdict("contracts.fee", VerdictLevel.PASS if enough else VerdictLevel.BLOCK, text), *quote.verdicts()]
        also = [
            f"It also changes {e.kind} of {e.label or e.subject}: {e.before or 'nothing'} → {e.after}" for e in simulated.effects
        ]
        return Preview(
            effects=() if error else (Effect("contract", name, "", address, label=name),),
            verdicts=tuple(verdicts),
            fee=fee,
            block=simulated.block,
            block_hash=simulated.block_hash,
            simulated_at=now_ms(),
            method=simulated.method,
            error=error,
            cause=simulated.cause,
            notes=("Deployed code cannot be taken back.", *also),
        )

    def _sized(self, plan: Plan) -> Verdict:
        creation = (len(str(plan.params["code"])) - 2) // 2
        if creation > CREATION_LIMIT:
            return Verdict("contracts.size", VerdictLevel.BLOCK, "The creation code exceeds 48 KiB (EIP-3860)")
        return Verdict("contracts.size", VerdictLevel.PASS, f"The creation code has {creation:,} bytes, of 49,152 (EIP-3860)")

    async def _measure(self, plan: Plan) -> tuple[Effect, ...]:
        """Whether our code is at the address that the step gave."""
        address = str(plan.steps[-1].result.get("contract", ""))
        artifact = await self._compiler.find(str(plan.params["artifact"]))
        if not address or artifact is None:
            return ()
        chain = await self._networks.connect(plan.target.ref)
        if not artifact.runtime_matches(str(await chain.rpc.call("eth_getCode", address, "latest"))):
            return ()
        name = str(plan.params["name"])
        return (Effect("contract", name, "", address, label=name),)


class CreateOneStep(CreatingStep):
    """Creates the contract that the plan carries."""

    def __init__(self, transactions: Transactions, plan: Plan, spec: StepSpec, deployments: Deployments) -> None:
        super().__init__(transactions, plan, spec)
        self._plan = plan
        self._deployments = deployments

    async def request(self, context: StepContext) -> TransactionRequest:
        """Creation code, or salt and creation code for the deterministic deployer."""
        return request_of(context.plan)

    async def committed(self, outcome: Outcome, context: StepContext) -> None:
        """Into the address book."""
        await super().committed(outcome, context)
        if not outcome.failure:
            plan = context.plan
            await self._deployments.keep(plan, str(plan.params["name"]), outcome.result, self.sender, str(plan.params["artifact"]))


def request_of(plan: Plan) -> TransactionRequest:
    """The transaction of a plan."""
    return creation_request(str(plan.params["salt"]), str(plan.params["code"]), int(str(plan.params["value"])))


def named(artifacts: Sequence[Artifact], name: str) -> Artifact:
    """The contract called so, as ``Name`` or ``file:Name``.

    Raises:
        NotFound: there is none, or none with code.
        Invalid: several are called so.
    """
    found = [each for each in artifacts if name in (each.name, f"{each.source}:{each.name}")]
    if len(found) > 1:
        places = ", ".join(f"{each.source}:{each.name}" for each in found)
        raise Invalid(
            f"Several contracts are called {name}: {places}. Nothing was planned.", "Name one with its file.", field="name"
        )
    if not found:
        known = ", ".join(sorted({each.name for each in artifacts})[:20])
        raise NotFound(f"There is no contract {name}. Nothing was planned.", f"There are {known}.")
    return found[0]
