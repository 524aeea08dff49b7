"""What would come of other rates, budgets, caps, burn rates and halvings: the contracts' own code, run in this process.

Nothing is modelled. The compiled contracts are deployed into an EVM of our own, the clock is moved epoch by epoch, an attester that
is made up for this run signs proofs, a kernel finds real nonces, and the contracts mint, burn, halve and refuse as on a chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.chain import abi
from app.core.clock import now_ms
from app.core.errors import Conflict, Invalid
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.mining.proofs import ValueProof
from app.mining.work.contract import VIEWS

if TYPE_CHECKING:
    from app.contracts.artifacts import Compilation
    from app.mining.kernel import Kernel

CAP = 10**27  # smallest units; the constant in AzoraToken
PUSH_CAP = "6b" + CAP.to_bytes(12, "big").hex()  # PUSH12, as the compiler writes it
MOST_EPOCHS = 5_000
MOST_CALLS = 20_000
EASIEST = (1 << 250) - 1  # 64 hashes a solution: what is looked at is emission, not difficulty
START = 1_700_000_000
CHAIN_ID = 1337
GAS = 10**9
ADMIN, HOLDER, WORKER = ("0x" + digit * 40 for digit in ("a", "b", "c"))
ATTESTER_KEY = hashlib.sha256(b"what-if attester").digest()


@dataclass(frozen=True, slots=True)
class Question:
    """What to try. Amounts in the smallest unit of AZR, ``epoch_length`` in seconds, ``burn_rate`` in basis points.

    Attributes:
        supply: in existence before the first epoch.
        proofs, reward: value proofs per epoch, and what each is worth before the burn.
        solutions, work_reward, solutions_per_era: proof of work; none when ``solutions`` is 0.
        cap: another cap than the contract's runs a copy of its code with that constant changed.
    """

    epochs: int
    epoch_length: int
    epoch_budget: int
    supply: int = 0
    proofs: int = 0
    reward: int = 0
    burn_rate: int = 0
    solutions: int = 0
    work_reward: int = 0
    solutions_per_era: int = 1
    cap: int = CAP

    def __post_init__(self) -> None:
        checks = (
            (0 < self.epochs <= MOST_EPOCHS, "epochs", f"1 to {MOST_EPOCHS:,} epochs can be tried"),
            (0 < self.epoch_length <= 3_155_760_000, "epoch_length", "an epoch lasts 1 second to 100 years"),
            (0 < self.cap < 1 << 96, "cap", "a cap lies above nothing and below 79 billion AZR"),
            (0 < self.epoch_budget < 1 << 128, "epoch_budget", "a budget lies above nothing"),
            (0 <= self.supply <= self.cap, "supply", "the supply lies between nothing and the cap"),
            (0 <= self.burn_rate <= 10_000, "burn_rate", "a burn rate is 0 to 10,000 basis points"),
            (self.proofs >= 0 and self.solutions >= 0, "proofs", "there are no fewer than no proofs and solutions"),
            ((self.proofs + self.solutions) * self.epochs <= MOST_CALLS, "epochs", f"{MOST_CALLS:,} mints can be tried in all"),
            (not self.proofs or 0 < self.reward < 1 << 128, "reward", "a proof needs a reward"),
            (not self.solutions or 0 < self.work_reward < 1 << 128, "work_reward", "a solution needs a reward"),
            (0 < self.solutions_per_era < 1 << 63, "solutions_per_era", "an era has at least one solution"),
        )
        for holds, name, text in checks:
            if not holds:
                raise Invalid(f"{text[0].upper()}{text[1:]}. Nothing was tried.", "Enter another value.", field=name)


@dataclass(frozen=True, slots=True)
class EpochRow:
    """One epoch as the contracts left it. Amounts in the smallest unit; ``refused`` counts by the contract's own reason."""

    epoch: int
    minted_value: int
    minted_work: int
    burned: int
    supply: int
    budget_left: int
    work_reward: int
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it.

    Attributes:
        full_at: the first epoch in which the cap refused something, or None.
        evidence: which code ran; a simulation, so never more than *claimed*.
    """

    question: Question
    rows: tuple[EpochRow, ...]
    full_at: int | None
    evidence: Evidence

    @property
    def minted(self) -> int:
        """Gross, over all epochs."""
        return sum(row.minted_value + row.minted_work for row in self.rows)

    @property
    def burned(self) -> int:
        """Over all epochs."""
        return sum(row.burned for row in self.rows)


def answer(question: Question, built: Compilation, report: Callable[[float], None] = lambda _: None) -> Answer:
    """Run it. Blocks for some seconds: call it in a thread.

    Args:
        report: hears how far it is, 0 to 1.

    Raises:
        Conflict: another cap was asked for and the code does not hold the constant where it should.
    """
    return _Trial(question, built).run(report)


class _Trial:
    def __init__(self, question: Question, built: Compilation) -> None:
        from app.mining.kernel import best_kernel
        from app.wallets.keys import address_of

        self._q = question
        self._built = built
        self._kernel: Kernel = best_kernel()
        self._attester = address_of(ATTESTER_KEY)
        self._digest = hashlib.sha256()
        self._number = 0
        self._salt = 0
        self._full_at: int | None = None
        self._evm = self._machine()
        self._wait_until(START)
        self._deploy()

    def _machine(self) -> Any:
        from pyrevm import EVM, CfgEnv, Env

        return EVM(env=Env(cfg=CfgEnv(chain_id=CHAIN_ID)), spec_id="SHANGHAI")

    def run(self, report: Callable[[float], None]) -> Answer:
        rows = []
        for epoch in range(self._q.epochs):
            rows.append(self._epoch(epoch))
            report((epoch + 1) / self._q.epochs)
        evidence = Evidence(
            EvidenceKind.SIMULATION,
            f"contracts {self._digest.hexdigest()[:16]}",
            read_at=now_ms(),
            status=EvidenceStatus.CLAIMED,
            check="the contracts' own code, run in this process by pyrevm; a what-if, not a forecast",
            trust=Trust.NONE,
            digest=self._digest.hexdigest(),
        )
        return Answer(self._q, tuple(rows), self._full_at, evidence)

    # setting up

    def _deploy(self) -> None:
        q = self._q
        self._token = self._create("AzoraToken", [ADMIN], self._capped)
        self._emission = self._create("Emission", [self._token, ADMIN, START, q.epoch_length, q.epoch_budget])
        self._mine = self._create("MintMine", [self._emission, self._token, ADMIN])
        minter, source, attester = (_role(name) for name in ("MINTER_ROLE", "SOURCE_ROLE", "ATTESTER_ROLE"))
        for role, holder in ((minter, ADMIN), (minter, self._emission)):
            self._must("AzoraToken", self._token, "grantRole", [role, holder])
        self._must("Emission", self._emission, "grantRole", [source, self._mine])
        self._must("MintMine", self._mine, "grantRole", [attester, self._attester])
        if q.burn_rate:
            self._must("MintMine", self._mine, "setBurnRate", [q.burn_rate])
        if q.supply:
            self._must("AzoraToken", self._token, "mint", [HOLDER, q.supply])
        if q.solutions:
            pace = max(1, min(86_400, q.epoch_length // q.solutions))
            rules = (q.work_reward, q.solutions_per_era, pace, max(1, q.solutions), EASIEST, EASIEST, EASIEST)
            self._work = self._create("MineableAzora", [self._emission, self._token, rules])
            self._must("Emission", self._emission, "grantRole", [source, self._work])

    def _capped(self, code: str) -> str:
        if self._q.cap == CAP:
            return code
        if PUSH_CAP not in code:
            raise Conflict("The token's code does not hold its cap where it used to. Nothing was tried.", "Keep the cap.")
        return code.replace(PUSH_CAP, "6b" + self._q.cap.to_bytes(12, "big").hex())

    def _create(self, name: str, arguments: Sequence[object], change: Callable[[str], str] = lambda code: code) -> str:
        artifact = self._built.get(name)
        inputs = next((entry["inputs"] for entry in artifact.abi if entry.get("type") == "constructor"), ())
        code = bytes.fromhex(change(artifact.bytecode)[2:]) + abi.encode(abi.types_of(inputs), arguments)
        self._digest.update(code)
        return str(self._evm.deploy(deployer=ADMIN, code=code, gas=GAS))

    # calling

    def _call(self, contract: str, to: str, name: str, arguments: Sequence[object], sender: str = ADMIN) -> tuple[bool, str]:
        """Whether it went through, and what it answered or why not, in words."""
        known = self._built.get(contract).abi
        data = bytes.fromhex(abi.encode_call(known, name, arguments)[2:])
        try:
            return True, "0x" + bytes(self._evm.message_call(caller=sender, to=to, calldata=data, gas=GAS)).hex()
        except RuntimeError as error:
            from app.chain.evm import revert_data
            from app.chain.reasons import reason

            errors = [entry for artifact in self._built.contracts for entry in artifact.abi if entry.get("type") == "error"]
            return False, reason(errors, revert_data(str(error)), str(error))

    def _must(self, contract: str, to: str, name: str, arguments: Sequence[object]) -> None:
        went, said = self._call(contract, to, name, arguments)
        if not went:
            raise Conflict(f"The economy of this what-if could not be set up: {name}: {said}.", "Choose other values.")

    def _view(self, contract: str, to: str, name: str) -> int:
        _, answered = self._call(contract, to, name, [])
        return int(abi.decode_output(self._built.get(contract).abi, name, answered))

    def _wait_until(self, second: int) -> None:
        from pyrevm import BlockEnv

        self._number += 1
        self._evm.set_block_env(BlockEnv(number=self._number, timestamp=second, gas_limit=GAS))

    # an epoch

    def _epoch(self, epoch: int) -> EpochRow:
        q, start = self._q, START + epoch * self._q.epoch_length
        before = self._view("AzoraToken", self._token, "totalSupply")
        refused: dict[str, int] = {}
        value = work = 0
        events = q.proofs + q.solutions
        for event in range(events):
            self._wait_until(start + event * q.epoch_length // events)
            # Evenly through the epoch, proofs and solutions in turn.
            mined = event * q.solutions // events != (event + 1) * q.solutions // events
            earned, why = self._solve() if mined else self._prove()
            if why:
                refused[why] = refused.get(why, 0) + 1
                if why == "ERC20ExceededCap" and self._full_at is None:
                    self._full_at = epoch
            elif mined:
                work += earned
            else:
                value += earned
        if not events:
            self._wait_until(start)
        supply = self._view("AzoraToken", self._token, "totalSupply")
        return EpochRow(
            epoch,
            value,
            work,
            before + value + work - supply,
            supply,
            self._view("Emission", self._emission, "remainingInEpoch"),
            self._view("MineableAzora", self._work, "getMiningReward") if q.solutions else 0,
            refused,
        )

    def _prove(self) -> tuple[int, str]:
        from app.wallets.keys import sign, signature_bytes

        self._salt += 1
        word = self._salt.to_bytes(32, "big")
        proof = ValueProof(HOLDER_CHECKED, self._q.reward, word, word, (1 << 63) - 1, word)
        signature = signature_bytes(sign(ATTESTER_KEY, proof.digest(CHAIN_ID, self._mine)))
        went, said = self._call("MintMine", self._mine, "mint", [proof.words(), [signature]])
        return (self._q.reward, "") if went else (0, _name(said))

    def _solve(self) -> tuple[int, str]:
        from app.mining.kernel import Job

        reward = self._view("MineableAzora", self._work, "getMiningReward")
        _, answered = self._call("MineableAzora", self._work, VIEWS[0], [])
        challenge = bytes.fromhex(answered[2:66])
        job, first = Job(challenge, bytes.fromhex(WORKER[2:]), EASIEST), 0
        while not (found := self._kernel.search(job, first, 512)):
            first += 512
        nonce = int.from_bytes(found[0].nonce, "big")
        went, said = self._call("MineableAzora", self._work, "mint", [nonce], sender=WORKER)
        return (reward, "") if went else (0, _name(said))


def _name(reason: str) -> str:
    return reason.partition("(")[0] or "reverted"


def _role(name: str) -> bytes:
    from app.chain.hashing import keccak256

    return keccak256(name.encode())


def _checked(address: str) -> str:
    from app.chain.hashing import checksum_address

    return checksum_address(address)


HOLDER_CHECKED = _checked(HOLDER)
