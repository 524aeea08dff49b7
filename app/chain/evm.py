"""Trying calls in an EVM of our own, on state pulled from the node: any node will do that answers the plain ``eth_get…`` methods.

What a call needs is not known before it runs. So it runs on what is here, tells what it looked at, the missing is fetched in one
batch, and it runs again until nothing is missing. Each run is a fresh machine in a thread of its own, bounded by the gas of the
call; between runs it can be cancelled, and a time limit holds for all of them.

Where the node gives proofs (``eth_getProof``), all state is held against the state root of the block, whose header was hashed here:
a node that tells another state than its block's is refused.

The machine has the rules of Cancun whatever the chain's are, and no block hashes: a call that asks for one is refused.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.chain.hashing import checksum_address, keccak256
from app.chain.rpc import RpcFailure
from app.chain.runs import READER, CallRequest, CallResult, Standing, View, body_of, hexadecimal, quantity

if TYPE_CHECKING:
    from app.chain.networks import Chain

LIMIT = 20.0  # seconds for a whole sequence
ROUNDS = 200  # of a call: each fetches at least one account or slot
MOST = 20_000  # accounts and slots of a sequence
PROVEN = 64  # calls: in longer sequences the state is believed, since a proof of each account would take too long
# What pyrevm tells of its cache, by its own text alone: it has no other way to say which slots were read.
_ACCOUNT = re.compile(r"0x([0-9a-f]{40}): DbAccount \{.*?account_state: \w+, storage: \{([^}]*)\} \}")
_WRITER = re.compile(r"0x([0-9a-f]{40}): Account \{.*?, storage: \{(.*?)\}, status:")
_SLOT = re.compile(r"(\d+|0x[0-9a-f]+): StorageSlot")
_REVERT = re.compile(r"output: (0x[0-9a-f]*)")
_REASON = re.compile(r"reason: ([\w()]+)")
_EMPTY_HASH = keccak256(b"")


@dataclass(slots=True)
class Account:
    """Balance in wei, nonce and code."""

    balance: int = 0
    nonce: int = 0
    code: bytes = b""


@dataclass(slots=True)
class State:
    """Accounts and storage slots by (lower-case) address."""

    accounts: dict[str, Account] = field(default_factory=dict)
    slots: dict[tuple[str, int], int] = field(default_factory=dict)


@dataclass(slots=True)
class Needs:
    """What a call looks at."""

    accounts: set[str] = field(default_factory=set)
    slots: set[tuple[str, int]] = field(default_factory=set)

    def add(self, other: Needs) -> bool:
        """Take over the other's; True when there was anything new."""
        before = len(self.accounts) + len(self.slots)
        self.accounts |= other.accounts
        self.slots |= other.slots
        return len(self.accounts) + len(self.slots) > before


@dataclass(slots=True)
class Executed:
    """A run: its result, what it looked at, and what it changed."""

    result: CallResult
    needs: Needs
    changed: State


class LocalEvm:
    """pyrevm in this process, on the node's state at one block."""

    name = "pyrevm"

    def __init__(self, chain: Chain, standing: Standing, calls: Sequence[CallRequest]) -> None:
        self._chain, self._standing, self._calls = chain, standing, calls
        self._base = State()  # as the node has it
        self._now = State()  # what the calls changed
        self._needs: dict[CallRequest, Needs] = {}
        self._deadline = time.monotonic() + LIMIT
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="simulation")
        self._proving = bool(standing.state_root) and len(calls) <= PROVEN
        self.moved: set[str] = set()

    @property
    def told(self) -> str:
        """Whether the state was proven belongs to the name."""
        return f"{self.name} on proven state" if self._proving else self.name

    async def run(self) -> list[CallResult]:
        """Try the calls."""
        try:
            await self._hint(self._calls)
            alone = await self._pull(self._calls)
            results = []
            for at, call in enumerate(self._calls):
                done = await self._settled(call) if at else alone[call]  # the first stands on nothing but the block
                self._keep(done.changed)
                results.append(done.result)
            return results
        finally:
            self._thread.shutdown(wait=False)

    async def after(self, views: Sequence[View], accounts: Sequence[str]) -> tuple[list[str], Mapping[str, int]]:
        """Ask on the changed state; it is kept no longer than this session."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="simulation")
        self._deadline = time.monotonic() + LIMIT
        try:
            asked = [CallRequest(READER, to, data) for to, data in views]
            answered = await self._pull(asked)  # views change nothing, so each stands alone
            answers = [answered[view].result for view in asked]
        finally:
            self._thread.shutdown(wait=False)
        held = {account: self._now.accounts.get(account.lower()) for account in accounts}
        balances = {account: found.balance for account, found in held.items() if found is not None}
        return [answer.data if answer.ok else "0x" for answer in answers], balances

    def code_of(self, address: str) -> bytes:
        """The code of an account after the calls; empty when none of them touched it."""
        found = self._now.accounts.get(address.lower()) or self._base.accounts.get(address.lower())
        return found.code if found is not None else b""

    async def _hint(self, calls: Sequence[CallRequest]) -> None:
        """What nodes with ``eth_createAccessList`` say beforehand; it only saves rounds."""
        asked = [("eth_createAccessList", [body_of(call, self._standing.gas), self._standing.tag]) for call in calls[:16]]
        for call, answer in zip(calls, await self._chain.rpc.each(asked), strict=False):
            needs = self._needs.setdefault(call, Needs())
            try:
                for entry in (answer.get("accessList") if isinstance(answer, dict) else None) or ():
                    address = hexadecimal("eth_createAccessList", entry["address"], 20)
                    needs.accounts.add(address)
                    needs.slots |= {(address, quantity("", key)) for key in entry.get("storageKeys") or ()}
            except (RpcFailure, AttributeError, KeyError, TypeError):
                continue  # a hint that is none

    async def _pull(self, calls: Sequence[CallRequest]) -> dict[CallRequest, Executed]:
        """Fetch what the calls need, and run each for itself on the state as it is now: one batch for many calls."""
        done: dict[CallRequest, Executed] = {}
        open_calls = list(dict.fromkeys(calls))
        for call in open_calls:
            needs = self._needs.setdefault(call, Needs())
            needs.accounts |= {address.lower() for address in (call.sender, call.to or "") if address}
        while open_calls:
            await self._fetch([self._needs[call] for call in open_calls])
            runs = dict(zip(open_calls, await self._execute(open_calls), strict=True))
            done |= runs
            open_calls = [call for call, run in runs.items() if self._needs[call].add(run.needs)]
        return done

    async def _settled(self, call: CallRequest) -> Executed:
        """The call on the state as it is now, with nothing missing."""
        for _ in range(ROUNDS):
            await self._fetch([self._needs[call]])
            (run,) = await self._execute([call])
            if not self._needs[call].add(run.needs):
                return run
        raise RpcFailure(self.name, 0, "the call looks at more than can be pulled from the node")

    async def _execute(self, calls: Sequence[CallRequest]) -> list[Executed]:
        if time.monotonic() > self._deadline:
            raise RpcFailure(self.name, 0, f"it took longer than {LIMIT:.0f} seconds")
        chain_id = self._chain.network.chain_id
        work = [(call, self._seen(self._needs[call])) for call in calls]
        loop = asyncio.get_running_loop()
        done: list[Executed] = []
        for start in range(0, len(work), 50):  # so that a cancelled simulation ends soon
            part = work[start : start + 50]
            done += await loop.run_in_executor(self._thread, _execute_all, self._standing, chain_id, part)
        return done

    def _seen(self, needs: Needs) -> State:
        """What a call looks at, as it is now."""
        known = Account()
        accounts = {
            address: self._now.accounts.get(address) or self._base.accounts.get(address, known) for address in needs.accounts
        }
        slots = {key: self._now.slots.get(key, self._base.slots.get(key, 0)) for key in needs.slots}
        return State(accounts, slots)

    def _keep(self, changed: State) -> None:
        for address, account in changed.accounts.items():
            before = self._now.accounts.get(address) or self._base.accounts.get(address, Account())
            if account.balance != before.balance:
                self.moved.add(checksum_address(bytes.fromhex(address[2:])))
            self._now.accounts[address] = account
        self._now.slots.update(changed.slots)

    async def _fetch(self, needs: Sequence[Needs]) -> None:
        """Everything missing, in one batch. A value that the node does not give ends the simulation."""
        accounts = sorted({address for each in needs for address in each.accounts if address not in self._base.accounts})
        slots = sorted({key for each in needs for key in each.slots if key not in self._base.slots})
        if not accounts and not slots:
            return
        if len(self._base.accounts) + len(self._base.slots) + len(accounts) + len(slots) > MOST:
            raise RpcFailure(self.name, 0, "the calls look at more than can be pulled from the node")
        if self._proving:
            self._proving = await self._fetch_proven(accounts, slots)
            if self._proving:
                return
        tag = self._standing.tag
        methods = ("eth_getBalance", "eth_getTransactionCount", "eth_getCode")
        asked: list[tuple[str, Sequence[object]]] = [(method, [address, tag]) for address in accounts for method in methods]
        asked += [("eth_getStorageAt", [address, f"0x{slot:064x}", tag]) for address, slot in slots]
        answers = await self._chain.rpc.batch(asked)
        for at, address in enumerate(accounts):
            balance, nonce, code = answers[3 * at : 3 * at + 3]
            known = quantity(methods[0], balance), quantity(methods[1], nonce)
            self._base.accounts[address] = Account(*known, bytes.fromhex(hexadecimal(methods[2], code)[2:]))
        for key, value in zip(slots, answers[3 * len(accounts) :], strict=True):
            self._base.slots[key] = quantity("eth_getStorageAt", value)

    async def _fetch_proven(self, accounts: Sequence[str], slots: Sequence[tuple[str, int]]) -> bool:
        """The same with a proof of each; False from a node that gives none.

        Raises:
            RpcFailure: what the node tells is not the state of the block.
        """
        wanted: dict[str, list[int]] = {address: [] for address in accounts}
        for address, slot in slots:
            wanted.setdefault(address, []).append(slot)
        tag = self._standing.tag
        asked: list[tuple[str, Sequence[object]]] = [
            ("eth_getProof", [address, [f"0x{slot:064x}" for slot in of], tag]) for address, of in wanted.items()
        ]
        asked += [("eth_getCode", [address, tag]) for address in accounts]
        answers = await self._chain.rpc.each(asked)
        if any(isinstance(answer, RpcFailure) for answer in answers):
            return False
        proofs = dict(zip(wanted, answers, strict=False))
        codes = {address: hexadecimal("eth_getCode", code) for address, code in zip(accounts, answers[len(wanted) :], strict=True)}
        try:
            known = await asyncio.get_running_loop().run_in_executor(
                self._thread, _proven, self._standing.state_root, proofs, codes, wanted
            )
        except RpcFailure:
            # Development nodes let balances and code be set between blocks; their state then fits none.
            if self._chain.network.environment == "local":
                return False
            raise
        self._base.accounts |= known.accounts
        self._base.slots |= known.slots
        return True


def _proven(root: bytes, proofs: Mapping[str, Any], codes: Mapping[str, str], wanted: Mapping[str, Sequence[int]]) -> State:
    """Accounts and slots out of proofs that fit the root. Blocks: some milliseconds for each account."""
    from app.audit import verifier

    verifier.use_keccak(keccak256)  # in C: pure Python takes a hundred times as long
    state = State()
    for address, answer in proofs.items():
        try:
            account = verifier.verify_account(root, bytes.fromhex(address[2:]), answer)
            entries = {int(str(entry["key"]), 16): entry["proof"] for entry in answer["storageProof"]}
            for slot in wanted[address]:
                nodes = [verifier.hex_bytes(node) for node in entries[slot]]
                state.slots[address, slot] = verifier.verify_storage(account.storage_root, slot, nodes)
            if address in codes:
                code = bytes.fromhex(codes[address][2:])
                if keccak256(code) != account.code_hash:
                    raise verifier.Refused("the code is another one")
                state.accounts[address] = Account(account.balance, account.nonce, code)
        except (verifier.Refused, KeyError, TypeError, ValueError) as error:
            why = f"what the node tells of {checksum_address(bytes.fromhex(address[2:]))} does not fit its block ({error})"
            raise RpcFailure(LocalEvm.name, 0, why) from None
    return state


def _execute_all(standing: Standing, chain_id: int, work: Sequence[tuple[CallRequest, State]]) -> list[Executed]:
    return [execute(standing, chain_id, call, seen) for call, seen in work]


def execute(standing: Standing, chain_id: int, call: CallRequest, seen: State) -> Executed:
    """One run on a fresh machine. Blocks; up to about a tenth of a second for a call that burns all its gas."""
    from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env

    block = BlockEnv(
        number=standing.number + 1,
        coinbase=standing.coinbase,
        timestamp=standing.timestamp,
        prevrandao=standing.prevrandao,
        basefee=standing.base_fee,
        gas_limit=standing.gas_limit,
    )
    evm = EVM(env=Env(cfg=CfgEnv(chain_id=chain_id), block=block))
    sender = call.sender.lower()
    for address, account in seen.accounts.items():
        info: Any = AccountInfo  # its stub leaves the balance out
        # No contract sends transactions (EIP-3607), but a preview may ask what would happen if one did: its administrator's call.
        code = None if address == sender else account.code or None
        evm.insert_account_info(address, info(balance=account.balance, nonce=account.nonce, code=code))
    for (address, slot), value in seen.slots.items():
        # The first slot of an account goes into the state; while the account is loaded, others would count as written by the call
        # and cost another gas. Going back unloads it.
        before = evm.snapshot()
        evm.insert_account_storage(address, slot, value)
        evm.revert(before)
    data = bytes.fromhex(call.data[2:])
    output, created, said = "0x", "", ""
    try:
        if call.to is None:
            made = evm.deploy(deployer=call.sender, code=data, value=call.value, gas=standing.gas)
            created = checksum_address(bytes.fromhex(made[2:]))
        else:
            answer = evm.message_call(caller=call.sender, to=call.to, calldata=data, value=call.value, gas=standing.gas)
            output = "0x" + bytes(answer).hex()
    except RuntimeError as error:
        said = str(error)
    text = str(evm)
    if "block_hashes: {}" not in text:
        raise RpcFailure(LocalEvm.name, 0, "the call asks for the hash of an earlier block, which cannot be pulled")
    needs = _needs(text)
    old = seen.accounts.get(sender, Account())
    result, least = evm.result, least_gas(data) if standing.floor else 0
    if said or result is None:
        nonce_only = State({sender: Account(old.balance, old.nonce + 1, old.code)})
        return Executed(_failed(result, said, least), needs, nonce_only if result is not None else State())
    changed = _changed(evm, text, needs, seen)
    mine = changed.accounts.get(sender, old)
    changed.accounts[sender] = Account(mine.balance, old.nonce + 1, old.code)  # a message call does not count itself
    logs = tuple(_log(log) for log in result.logs)
    gas = max(int(result.gas_used), least)
    return Executed(CallResult(True, gas, output, logs=logs, created=created), needs, changed)


def least_gas(data: bytes) -> int:
    """What a transaction with this call data costs at least (EIP-7623), which this machine's rules do not know yet."""
    zeros = data.count(0)
    return 21_000 + 10 * (zeros + 4 * (len(data) - zeros))


def _needs(text: str) -> Needs:
    needs = Needs()
    start = text.index("CacheDB { accounts: {")
    for found in _ACCOUNT.finditer(text, start, text.index("}, contracts: {", start)):
        address = "0x" + found[1]
        needs.accounts.add(address)
        needs.slots |= {(address, int(pair.partition(":")[0], 0)) for pair in found[2].split(", ") if pair}
    return needs


def _changed(evm: Any, text: str, needs: Needs, seen: State) -> State:
    changed = State()
    # The slots of a contract that was just made are in the journal only.
    written = {
        ("0x" + account[1], int(slot, 0))
        for account in _WRITER.finditer(text, 0, text.index("CacheDB { accounts: {"))
        for slot in _SLOT.findall(account[2])
    }
    for address, info in evm.journal_state.items():
        before, code = seen.accounts.get(address.lower()), _trimmed(info)
        after = Account(int(info.balance), int(info.nonce), code)
        if before is None or (before.balance, before.nonce, before.code) != (after.balance, after.nonce, after.code):
            changed.accounts[address.lower()] = after
    for address, slot in needs.slots | written:
        value = int(evm.storage(address, slot))
        if seen.slots.get((address, slot)) != value:
            changed.slots[address, slot] = value
    return changed


def _trimmed(info: Any) -> bytes:
    """Code without the zeros that the machine appends to it."""
    code, wanted = bytes(info.code or b""), bytes(info.code_hash or _EMPTY_HASH)
    for cut in range(len(code) + 1):
        if keccak256(code[: len(code) - cut]) == wanted:
            return code[: len(code) - cut]
        if cut < len(code) and code[len(code) - cut - 1]:
            break
    return code


def revert_data(said: str) -> str:
    """Revert data as ``0x…`` from the text of pyrevm's exception, which is the only place that has it; empty when there is none."""
    output = _REVERT.search(said)
    return output[1] if output is not None else ""


def _failed(result: Any, said: str, least: int) -> CallResult:
    gas = max(int(result.gas_used), least) if result is not None else 0
    why = _REASON.search(said)
    if data := revert_data(said):
        return CallResult(False, gas, data, "execution reverted")
    if "LackOfFund" in said:
        return CallResult(False, gas, said="insufficient funds")
    return CallResult(False, gas, said=why[1] if why is not None else said)


def _log(log: Any) -> dict[str, Any]:
    return {"address": log.address.lower(), "topics": list(log.topics), "data": "0x" + bytes(log.data[1]).hex()}
