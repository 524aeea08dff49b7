"""How accounts with keys come into being: new, restored and imported phrases and keys, more accounts of a phrase, and the drill."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.core.clock import now_ms, uuid7
from app.core.errors import Conflict, Denied, Invalid, NotFound
from app.core.events import AccountsChanged, PlanChanged
from app.core.secret import Secret
from app.operations.plans import Effect, Plan, PlanState, Preview, StepSpec
from app.operations.steps import PlanKind
from app.wallets import creation, extended, keys, keystore, phrases
from app.wallets.accounts import AccountKind, Wallet, clean_label
from app.wallets.actual import BALANCE_OF, word
from app.wallets.phrases import BackupCheck
from app.wallets.register import Register

if TYPE_CHECKING:
    import sqlalchemy as sa

EVERYBODY = frozenset({"administrator", "developer"})
FORGOTTEN_AFTER = 3_600_000  # ms: a draft that never got its plan belongs to a console that died while drafting
MOST_ACCOUNTS = 100
GAP = 20  # BIP-44's gap limit: so many unused accounts in a row end the search
FARTHEST = 1_000  # indexes that one search looks at


@dataclass(frozen=True, slots=True)
class Discovered:
    """An account that a phrase has on a network.

    Attributes:
        index: its number in the path.
        path: BIP-32 path.
        address: EIP-55 spelling.
        used: it has sent something, or holds the native coin or AZR.
        native: balance in wei.
        nonce: transactions sent.
        label: of the account of this console with that address, or empty.
        azr: balance of AZR in its smallest unit; 0 where the network has no economy.
    """

    index: int
    path: str
    address: str
    used: bool
    native: int
    nonce: int
    label: str = ""
    azr: int = 0


@dataclass(frozen=True, slots=True)
class DrillRow:
    """One account of a drill: the address listed here, and the one that the backup gives."""

    path: str
    label: str
    expected: str
    derived: str


@dataclass(frozen=True, slots=True)
class DrillReport:
    """Whether a backup gives the accounts that it should."""

    wallet: str
    matches: bool
    rows: tuple[DrillRow, ...]
    text: str


class Making(Register):
    """Plans that bring keys into the keyring."""

    def _register_making(self) -> None:
        self._made_key = secrets.token_bytes(32)
        self._made: set[bytes] = set()
        for kind in ("wallets.create", "wallets.import", "wallets.add", "wallets.adopt"):
            self._operations.register_kind(PlanKind(kind, self._preview_keys, self._measure_keys, EVERYBODY))
        self._operations.register_step(creation.KEEP, lambda plan, spec: creation.KeepStep(self._keeper))
        self._bus.subscribe(PlanChanged, self._plan_changed)

    async def start(self) -> None:
        """Remove secrets of plans that ended without being carried out while no console listened."""
        for wallet_id, plan_id, created_at in await self._keeper.pending():
            if plan_id:
                await self._forget_if_ended(wallet_id, plan_id)
            elif created_at < now_ms() - FORGOTTEN_AFTER:
                await self._keeper.forget(wallet_id)

    # Phrases

    async def new_phrase(self, words: int = 12) -> Secret:
        """A new BIP-39 phrase. Only the caller holds it until :meth:`plan_create`, which asks for an answered backup check."""
        phrase = await asyncio.to_thread(phrases.new_phrase, words)
        self._made.add(self._mark_of(phrase))
        return phrase

    def backup_check(self, phrase: Secret) -> BackupCheck:
        """Random words of a phrase, to be given back from its backup."""
        return BackupCheck(phrase)

    async def plan_create(
        self,
        label: str,
        phrase: Secret,
        accounts: int = 1,
        labels: Sequence[str] = (),
        passphrase: Secret | None = None,
        path: str = keys.ETHEREUM_PATH,
        indexes: Sequence[int] | None = None,
        backup: BackupCheck | None = None,
    ) -> Plan:
        """Plan an HD wallet (BIP-39, BIP-32) of a new or restored phrase.

        Args:
            label: name of the wallet; accounts without a label of their own are named after it.
            accounts: how many, 1 to 100, counted from index 0; ``indexes`` names others instead.
            passphrase: BIP-39's optional one; kept in the vault with the phrase.
            path: template of the paths, or ``bip44``, ``ledger-live``, ``ledger-legacy``.
            backup: the answered check, for a phrase that this console made.

        Raises:
            Invalid: the phrase fails BIP-39, or a label or path cannot be used.
            Denied: the phrase is new and its backup was not checked.
            Conflict: a label is taken, or an account has its key here already.
            Unavailable, Locked: the keyring does not take the secret. Nothing was stored.
        """
        numbers = _checked_indexes(range(accounts) if indexes is None else indexes, labels)
        wallet, template = clean_label(label), keys.path_template(path)
        checked = phrases.checked_phrase(phrase)
        if self._mark_of(checked) in self._made and not (backup is not None and backup.proves(phrase)):
            raise Denied(
                "This phrase is new, and nothing has shown yet that it was written down. Nothing was created.",
                "Answer the check with words of your backup.",
                field="phrase",
            )
        names = named(wallet, numbers, labels)
        kept = phrases.bundled(checked, passphrase)
        derived = await asyncio.to_thread(derive, kept, template, numbers)
        rows = [(address, name, where) for (address, where), name in zip(derived, names, strict=True)]
        title = f"Create wallet “{wallet}” with {_accounts(len(numbers))}"
        plan = await self._plan_keys("wallets.create", AccountKind.HD, wallet, title, kept, rows, template)
        self._made.discard(self._mark_of(checked))
        return plan

    async def plan_add_accounts(self, wallet_or_account: str, indexes: Sequence[int], labels: Sequence[str] = ()) -> Plan:
        """Plan more accounts of a phrase that is here, at the indexes of its path.

        Raises:
            NotFound: no such wallet, or its phrase is not in this keyring.
            Invalid: it is a single key, which has no further accounts.
            Conflict: an account is here already, or a label is taken.
        """
        self._access.require_unlocked()
        wallet = await self.wallet(wallet_or_account)
        numbers = _checked_indexes(indexes, labels)
        template = self._path_of(wallet)
        kept = await self._vault.get(creation.final_name(wallet.id))
        derived = await asyncio.to_thread(derive, kept, template, numbers)
        names = [clean_label(name) for name in labels]
        names += [f"{wallet.label} {index + 1}" for index in numbers[len(names) :]]
        rows = [(address, name, where) for (address, where), name in zip(derived, names, strict=True)]
        await self._require_free(rows)
        step = StepSpec(creation.KEEP, f"List {_accounts(len(rows))} of “{wallet.label}”")
        title = f"Add {_accounts(len(rows))} to wallet “{wallet.label}”"
        params = params_of(wallet.id, AccountKind.HD, wallet.label, rows)
        return await self._operations.plan("wallets.add", title, creation.CONSOLE, params, [step])

    async def discover(
        self, network_id: str, phrase: Secret, passphrase: Secret | None = None, path: str = keys.ETHEREUM_PATH, gap: int = GAP
    ) -> tuple[Discovered, ...]:
        """Which accounts of a phrase a network knows: every one up to the last used, and the next, which is unused.

        Looks at transactions sent and at the balances of the native coin and of AZR, until ``gap`` accounts in a row are unused
        (BIP-44).

        Raises:
            Invalid: the phrase fails BIP-39, or the path cannot be used.
            Unavailable: the network does not answer.
        """
        kept = phrases.bundled(phrases.checked_phrase(phrase), passphrase)
        return await self._discover(network_id, kept, keys.path_template(path), gap)

    async def discover_more(self, network_id: str, wallet_or_account: str, gap: int = GAP) -> tuple[Discovered, ...]:
        """As :meth:`discover`, with the phrase of a wallet that is here.

        Raises:
            NotFound: no such wallet, or its phrase is not in this keyring.
            Invalid: it is a single key.
            Locked: the console or the keyring is locked.
        """
        self._access.require_unlocked()
        wallet = await self.wallet(wallet_or_account)
        template = self._path_of(wallet)
        return await self._discover(network_id, await self._vault.get(creation.final_name(wallet.id)), template, gap)

    async def _discover(self, network_id: str, kept: Secret, template: str, gap: int) -> tuple[Discovered, ...]:
        chain = await self._networks.connect(network_id)
        economy = await self._economy_of(chain.network.key.text)
        labels = {account.address: account.label for account in await self._rows()}
        found: list[Discovered] = []
        last_used = -1
        while len(found) < min(last_used + 1 + gap, FARTHEST):
            numbers = range(len(found), last_used + 1 + gap)
            derived = await asyncio.to_thread(derive, kept, template, numbers)
            calls: list[tuple[str, list[object]]] = [("eth_getBalance", [address, "latest"]) for address, _ in derived]
            calls += [("eth_getTransactionCount", [address, "latest"]) for address, _ in derived]
            if economy is not None:  # who only ever received AZR has sent nothing and holds no coin
                asked = [{"to": economy.token, "data": BALANCE_OF + word(address)} for address, _ in derived]
                calls += [("eth_call", [call, "latest"]) for call in asked]
            answers = [int(str(answer), 16) if answer != "0x" else 0 for answer in await chain.rpc.batch(calls)]
            answers += [0] * (3 * len(derived) - len(answers))
            for place, (number, (address, where)) in enumerate(zip(numbers, derived, strict=True)):
                native, nonce, azr = answers[place :: len(derived)]
                used = bool(native or nonce or azr)
                last_used = number if used else last_used
                found.append(Discovered(number, where, address, used, native, nonce, labels.get(address, ""), azr))
        return tuple(found[: last_used + 2])

    async def drill(self, wallet_or_account: str, backup: Secret, passphrase: Secret | None = None) -> DrillReport:
        """Prove that a backup gives the accounts that are listed here. Nothing of it is stored; the outcome is journalled.

        Args:
            backup: the phrase of an HD wallet (or its master key, ``xprv…``), or the private key of an imported account.

        Raises:
            NotFound: no such wallet.
            Invalid: the backup is no phrase, or no key; that proves nothing about it.
        """
        wallet = await self.wallet(wallet_or_account)
        accounts = [account for account in await self._rows() if account.wallet_id == wallet.id]
        if wallet.kind is AccountKind.HD:
            # A backup may also be the master key itself; its passphrase is in it already.
            as_key = extended.master(backup) if backup.reveal().strip().startswith("xprv") else None
            kept = None if as_key else phrases.bundled(phrases.checked_phrase(backup), passphrase)

            def again() -> list[str]:
                master = as_key or (_master(kept) if kept else None)
                assert master is not None
                return [keys.address_of(master.derive(account.path).key) for account in accounts]

            derived = await asyncio.to_thread(again)
        else:
            derived = [keys.address_of(keys.parse_private_key(backup.reveal()))] * len(accounts)
        rows = tuple(
            DrillRow(account.path, account.label, account.address, address)
            for account, address in zip(accounts, derived, strict=True)
        )
        matches = bool(rows) and all(row.expected == row.derived for row in rows)
        await self._note_drill(wallet, matches, len(rows))
        return DrillReport(wallet.label, matches, rows, _drill_text(wallet, rows, matches, passphrase is not None))

    async def _note_drill(self, wallet: Wallet, matches: bool, accounts: int) -> None:
        from app.wallets.tables import wallets

        def note(connection: sa.Connection) -> None:
            if matches:
                connection.execute(wallets.update().where(wallets.c.id == wallet.id).values(drilled_at=now_ms()))

        body = {"wallet": wallet.id, "label": wallet.label, "accounts": accounts, "matches": matches}
        await self._access.record("wallet.drill", body, note)
        self._bus.publish(AccountsChanged())

    def _path_of(self, wallet: Wallet) -> str:
        if wallet.kind is not AccountKind.HD:
            raise Invalid(f"“{wallet.label}” is a single key: it has no further accounts.", "Choose a wallet with a phrase.")
        return wallet.path

    def _mark_of(self, phrase: Secret) -> bytes:
        """Tells phrases of this process apart without keeping them."""
        return hmac.new(self._made_key, phrases.checked_phrase(phrase).reveal_bytes(), hashlib.sha256).digest()

    # Keys

    async def plan_import_key(self, label: str, private_key: Secret) -> Plan:
        """Plan the import of one private key (64 hex digits).

        Raises:
            Invalid: not a private key; its text is never repeated.
            Conflict: the label is taken, or the key is here already.
        """
        return await self._plan_import(label, keys.parse_private_key(private_key.reveal()))

    async def plan_import_keystore(self, label: str, text: str | bytes, password: Secret) -> Plan:
        """Plan the import of the key in a keystore file (Web3 Secret Storage 3, scrypt or PBKDF2).

        Raises:
            Invalid: the file cannot be opened, asks for an absurd cost, or contradicts itself; the message says in what.
            Denied: the password is wrong.
            Conflict: the label is taken, or the key is here already.
        """
        clean_label(label)
        parsed = keystore.parse(text)
        return await self._plan_import(label, await asyncio.to_thread(keystore.open_keystore, parsed, password))

    async def _plan_import(self, label: str, key: bytes) -> Plan:
        name = clean_label(label)
        rows = [(keys.address_of(key), name, "")]
        return await self._plan_keys(
            "wallets.import", AccountKind.IMPORTED, name, f"Import account “{name}”", Secret("0x" + key.hex()), rows
        )

    # Inside

    async def _plan_keys(
        self,
        plan_kind: str,
        kind: AccountKind,
        label: str,
        title: str,
        secret: Secret,
        rows: Sequence[tuple[str, str, str]],
        path: str = "",
    ) -> Plan:
        self._access.require_unlocked()
        await self._require_free(rows)
        wallet_id = str(uuid7())
        await self._keeper.hold(wallet_id, kind, label, secret, path)
        noun = "the phrase" if kind is AccountKind.HD else "the key"
        step = StepSpec(creation.KEEP, f"Keep {noun} in the keyring and list its accounts")
        try:
            plan = await self._operations.draft(plan_kind, title, creation.CONSOLE, params_of(wallet_id, kind, label, rows), [step])
            await self._keeper.claim(wallet_id, plan.id)
            return await self._operations.preview(plan.id)
        except BaseException:
            await self._keeper.forget(wallet_id)
            raise

    async def _preview_keys(self, plan: Plan) -> Preview:
        return await creation.preview_keys(plan, await self._states(), self._vault)

    async def _measure_keys(self, plan: Plan) -> tuple[Effect, ...]:
        return creation.measure_keys(plan, await self._states())

    def _plan_changed(self, event: PlanChanged) -> None:
        if event.state in (PlanState.STOPPED, PlanState.FAILED, PlanState.DISOWNED):
            self._jobs.quietly("wallets.forget", lambda: self._forget_of(event.plan_id))

    async def _forget_of(self, plan_id: str) -> None:
        for wallet_id, owner, _ in await self._keeper.pending():
            if owner == plan_id:
                await self._forget_if_ended(wallet_id, plan_id)

    async def _forget_if_ended(self, wallet_id: str, plan_id: str) -> None:
        try:
            plan = await self._operations.get(plan_id)
        except NotFound:
            await self._keeper.forget(wallet_id)
            return
        if plan.state.ended and plan.state is not PlanState.DONE:
            await self._keeper.forget(wallet_id)


def _master(kept: Secret) -> keys.ExtendedKey:
    return keys.ExtendedKey.from_seed(phrases.seed_of(*phrases.unbundled(kept)))


def derive(kept: Secret, template: str, indexes: Sequence[int]) -> list[tuple[str, str]]:
    """``(address, path)`` of the accounts of a vault item."""
    master = _master(kept)
    paths = [keys.path_at(template, index) for index in indexes]
    return [(keys.address_of(master.derive(path).key), path) for path in paths]


def derived_key(kept: Secret, path: str) -> bytes:
    """The private key at a path of a vault item with a phrase."""
    return _master(kept).derive(path).key


def _checked_indexes(indexes: Sequence[int], labels: Sequence[str]) -> list[int]:
    numbers = list(indexes)
    if not 1 <= len(numbers) <= MOST_ACCOUNTS or len(labels) > len(numbers):
        raise Invalid(f"A plan lists 1 to {MOST_ACCOUNTS} accounts. Nothing was created.", "Choose fewer.", field="accounts")
    if len(set(numbers)) < len(numbers):
        raise Conflict("The same account was chosen twice. Nothing was created.", "Choose each index once.", field="accounts")
    return numbers


def named(wallet: str, indexes: Sequence[int], labels: Sequence[str]) -> list[str]:
    """Labels of accounts: those given, then such that are made of the wallet's."""
    names = [clean_label(name) for name in labels]
    return names + [wallet if len(indexes) == 1 else f"{wallet} {index + 1}" for index in indexes[len(names) :]]


def params_of(wallet_id: str, kind: AccountKind, label: str, rows: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """What a plan of kind ``wallets.keep`` says: never a secret. ``rows`` are address, label and path."""
    return {
        "wallet_id": wallet_id,
        "wallet_kind": kind.value,
        "label": label,
        "accounts": [{"id": str(uuid7()), "address": address, "label": name, "path": path} for address, name, path in rows],
    }


def _accounts(count: int) -> str:
    return f"{count} account{'s' if count != 1 else ''}"


def _drill_text(wallet: Wallet, rows: Sequence[DrillRow], matches: bool, with_passphrase: bool) -> str:
    if matches:
        which = "its account" if len(rows) == 1 else f"all {len(rows)} accounts"
        return f"The backup of “{wallet.label}” gives {which}. It was not kept."
    if not rows:
        return f"No account hangs on “{wallet.label}”, so nothing was proven. The backup was not kept."
    wrong = sum(row.expected != row.derived for row in rows)
    hint = ""
    if wallet.kind is AccountKind.HD:
        hint = (
            " It may be another phrase, or another passphrase."
            if with_passphrase
            else " It may be another phrase, or lack its passphrase."
        )
    return f"The backup does not give {wrong} of the {_accounts(len(rows))} of “{wallet.label}”.{hint} It was not kept."
