"""The accounts of this console, and what a person does with them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.core.clock import now_ms, uuid7
from app.core.errors import Conflict, ConsoleError, Denied, Invalid, NotFound
from app.core.events import AccountsChanged, PlanChanged
from app.core.secret import Secret
from app.operations.plans import Effect, Plan, PlanState, Preview, StepSpec
from app.operations.steps import PlanKind
from app.wallets import creation, keys, phrases, typed
from app.wallets.accounts import Account, AccountKind, Balances, KeyState, clean_label
from app.wallets.transfers import TransferDraft, Transfers, call_data, token_info

if TYPE_CHECKING:
    import sqlalchemy as sa

    from app.access import Access
    from app.access.vault import Vault
    from app.chain import Economy, Fees, Networks, Simulation, Transactions
    from app.chain.signer import UnsignedTransaction
    from app.core.events import Bus
    from app.core.jobs import Jobs
    from app.database import Database
    from app.operations import Operations

AccountList = list[Account]  # the verb `list` below hides the type of the same name
Calls = list[tuple[str, list[object]]]
EVERYBODY = frozenset({"administrator", "developer"})
FORGOTTEN_AFTER = 3_600_000  # ms: a draft that never got its plan belongs to a console that died while drafting
MOST_ACCOUNTS = 100


class Wallets:
    """Accounts, their keys and transfers; signs for ``app.chain`` (its ``Signer``).

    A key is read from the vault at the moment of signing and kept nowhere.
    """

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        access: Access,
        operations: Operations,
        networks: Networks,
        simulation: Simulation,
        transactions: Transactions,
        fees: Fees,
        economy_of: Callable[[str], Awaitable[Economy | None]],
        bus: Bus,
        jobs: Jobs,
    ) -> None:
        self._database = database
        self._vault = vault
        self._access = access
        self._operations = operations
        self._networks = networks
        self._transactions = transactions
        self._economy_of = economy_of
        self._bus = bus
        self._jobs = jobs
        self._keeper = creation.Keeper(database, vault, bus)
        self._transfers = Transfers(networks, simulation, fees, operations, economy_of, self.list)
        for kind in ("wallets.create", "wallets.import"):
            operations.register_kind(PlanKind(kind, self._preview_keys, self._measure_keys, EVERYBODY))
        operations.register_step(creation.KEEP, lambda plan, spec: creation.KeepStep(self._keeper))
        operations.register_kind(
            PlanKind(
                "wallets.transfer",
                self._transfers.preview,
                self._transfers.measure,
                EVERYBODY,
                undo="A transfer cannot be taken back.",
            )
        )
        bus.subscribe(PlanChanged, self._plan_changed)

    async def start(self) -> None:
        """Remove secrets of plans that ended without being carried out while no console listened."""
        for wallet_id, plan_id, created_at in await self._keeper.pending():
            if plan_id:
                await self._forget_if_ended(wallet_id, plan_id)
            elif created_at < now_ms() - FORGOTTEN_AFTER:
                await self._keeper.forget(wallet_id)

    # Looking

    async def list(self) -> AccountList:
        """All accounts, oldest first, each with the state of its key."""
        rows = await self._rows()
        wallet_ids = sorted({account.wallet_id for account in rows if account.wallet_id})
        states = await self._key_states(wallet_ids)
        return [_with_state(account, states) for account in rows]

    async def get(self, address_or_label: str) -> Account:
        """One account by address, label (small and capital letters are equal) or id.

        Raises:
            NotFound: no such account.
        """
        text = address_or_label.strip()
        for account in await self._rows():
            if text in (account.id, account.address) or text.casefold() in (account.label.casefold(), account.address.lower()):
                return _with_state(account, await self._key_states([account.wallet_id] if account.wallet_id else []))
        raise NotFound(f"There is no account “{text}”. Nothing was done.", "List the accounts, or create it.", field="account")

    async def resolve(self, address_or_label: str) -> str:
        """The address behind a label, or the address itself when it is one.

        Raises:
            Invalid: neither a known label nor a well-formed address.
        """
        text = address_or_label.strip()
        for account in await self._rows():
            if account.label.casefold() == text.casefold():
                return account.address
        if re.match(r"0[xX]", text):
            return keys.parse_address(text)
        raise Invalid(
            f"“{text}” is neither an address nor the label of an account. Nothing was done.", "Check the spelling.", field="account"
        )

    async def balances(self, network_id: str, addresses: Sequence[str]) -> dict[str, Balances]:
        """Native coin and AZR of addresses, all at one block, by EIP-55 address.

        Raises:
            Unavailable: the network does not answer.
        """
        from app.wallets.actual import BALANCE_OF, word

        chain = await self._networks.connect(network_id)
        economy = await self._economy_of(chain.network.key.text)
        head = await chain.head()
        at = hex(head.number)
        wanted = [keys.parse_address(address) for address in addresses]
        calls: Calls = [("eth_getBalance", [address, at]) for address in wanted]
        if economy is not None:
            calls += [("eth_call", [{"to": economy.token, "data": BALANCE_OF + word(address)}, at]) for address in wanted]
        answers = [int(str(answer), 16) if len(str(answer)) > 2 else 0 for answer in await chain.rpc.batch(calls)]
        azr: Sequence[int | None] = answers[len(wanted) :] if economy is not None else [None] * len(wanted)
        return {
            address: Balances(native, tokens, head.number, head.hash)
            for address, native, tokens in zip(wanted, answers, azr, strict=False)
        }

    # Making

    async def new_phrase(self, words: int = 12) -> Secret:
        """A new BIP-39 phrase; only the caller holds it until :meth:`plan_create`."""
        return await asyncio.to_thread(phrases.new_phrase, words)

    async def plan_create(self, label: str, phrase: Secret, accounts: int = 1, labels: Sequence[str] = ()) -> Plan:
        """Plan an HD wallet: the accounts m/44'/60'/0'/0/0 and on of a new or restored phrase.

        Args:
            label: name of the wallet; accounts without a label of their own are named after it.
            accounts: how many, 1 to 100.

        Raises:
            Invalid: the phrase fails BIP-39, or a label cannot be used.
            Conflict: a label is taken, or the first account has its key here already.
            Unavailable, Locked: the keyring does not take the secret. Nothing was stored.
        """
        if not 1 <= accounts <= MOST_ACCOUNTS or len(labels) > accounts:
            raise Invalid(
                f"A wallet starts with 1 to {MOST_ACCOUNTS} accounts. Nothing was created.", "Choose fewer.", field="accounts"
            )
        wallet = clean_label(label)
        names = [clean_label(name) for name in labels]
        names += [wallet if accounts == 1 else f"{wallet} {index + 1}" for index in range(len(names), accounts)]
        checked = phrases.checked_phrase(phrase)

        def derive() -> Sequence[tuple[str, str]]:
            master = keys.ExtendedKey.from_seed(phrases.seed_of(checked))
            paths = [keys.ETHEREUM_PATH.format(index=index) for index in range(accounts)]
            return [(keys.address_of(master.derive(path).key), path) for path in paths]

        derived = await asyncio.to_thread(derive)
        rows = [(address, name, path) for (address, path), name in zip(derived, names, strict=True)]
        noun = "account" if accounts == 1 else "accounts"
        title = f"Create wallet “{wallet}” with {accounts} {noun}"
        return await self._plan_keys("wallets.create", AccountKind.HD, wallet, title, checked, rows)

    async def plan_import_key(self, label: str, private_key: Secret) -> Plan:
        """Plan the import of one private key (64 hex digits).

        Raises:
            Invalid: not a private key; its text is never repeated.
            Conflict: the label is taken, or the key is here already.
        """
        name = clean_label(label)
        key = keys.parse_private_key(private_key.reveal())
        rows = [(keys.address_of(key), name, "")]
        return await self._plan_keys(
            "wallets.import", AccountKind.IMPORTED, name, f"Import account “{name}”", Secret("0x" + key.hex()), rows
        )

    async def watch(self, label: str, address: str) -> Account:
        """List an address without a key. An edit: no plan, nothing secret.

        Raises:
            Invalid: not an address.
            Conflict: the address or the label is here already.
        """
        from app.wallets.tables import accounts

        name, checked = clean_label(label), keys.parse_address(address)
        await self._require_free([(checked, name, "")], watched_is_free=False)
        new = {
            "id": str(uuid7()),
            "address": bytes.fromhex(checked[2:]),
            "label": name,
            "label_key": name.casefold(),
            "kind": AccountKind.WATCH.value,
            "path": "",
            "wallet_id": "",
            "created_at": now_ms(),
        }
        await self._database.write(lambda connection: connection.execute(accounts.insert().values(new)))
        self._bus.publish(AccountsChanged())
        return await self.get(checked)

    async def label(self, account_id: str, label: str) -> Account:
        """Give an account another label. An edit.

        Raises:
            NotFound: no such account.
            Conflict: another account has this label.
        """
        from app.wallets.tables import accounts

        name = clean_label(label)
        account = await self.get(account_id)
        for other in await self._rows():
            if other.id != account.id and other.label.casefold() == name.casefold():
                raise _label_taken(other.label)
        values = {"label": name, "label_key": name.casefold()}
        await self._database.write(
            lambda connection: connection.execute(accounts.update().where(accounts.c.id == account.id).values(values))
        )
        self._bus.publish(AccountsChanged())
        return await self.get(account.id)

    # Sending

    async def plan_transfer(self, draft: TransferDraft) -> Plan:
        """Plan a transfer of the native coin or of an ERC-20 token.

        The preview is simulated on the newest block and names it.

        Raises:
            Invalid: the token's address holds no token.
            NotFound: the sender is no account of this console.
            Unavailable: the network does not answer; nothing was stored.
        """
        sender = await self.get(draft.sender)
        chain = await self._networks.connect(draft.network_id)
        token = await token_info(chain, draft.token, await self._economy_of(chain.network.key.text))
        to, data, value = call_data(draft)
        title = f"Send {token.symbol} from {sender.label}"
        params = {
            "network": chain.network.key.text,
            "network_id": draft.network_id,
            "sender": draft.sender,
            "recipient": draft.recipient,
            "amount": str(draft.amount),
            "token": draft.token,
            "symbol": token.symbol,
            "decimals": token.decimals,
            "token_name": token.name,
            "note": draft.note,
        }
        step = self._transactions.step(chain.network, draft.sender, to, data=data, value=value, title=title)
        return await self._operations.plan("wallets.transfer", title, chain.network.target(), params, [step])

    # Typed data and messages

    async def parse_typed(self, text: str) -> typed.TypedData:
        """Typed data (EIP-712, ``eth_signTypedData_v4``) as fields, domain, hashes and what a reader should know.

        Raises:
            Invalid: the text contradicts itself or the standard. Nothing was signed.
        """
        return typed.parse(text)

    # Signing: the Signer of app.chain

    async def sign_transaction(self, address: str, unsigned: UnsignedTransaction) -> bytes:
        """The signed, serialised transaction (EIP-2718 envelope).

        Raises:
            Locked: the console or the keyring is locked. Nothing was signed.
            Denied: the account is only watched.
            NotFound: no such account, or its secret is not in this keyring.
        """
        key = await self._key(address)
        r, s, parity = keys.sign(key, keys.keccak(unsigned.payload()))
        return unsigned.signed(r, s, parity)

    async def sign_digest(self, address: str, digest: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v (27 or 28) over a 32-byte digest, such as one of EIP-712. Raises as :meth:`sign_transaction`."""
        return keys.signature_bytes(keys.sign(await self._key(address), digest))

    async def _key(self, address: str) -> bytes:
        self._access.require_unlocked()
        account = next((row for row in await self._rows() if row.address.lower() == address.lower()), None)
        if account is None:
            raise NotFound(f"{address} is no account of this console. Nothing was signed.", "Create or import it first.")
        if account.kind is AccountKind.WATCH:
            raise Denied(f"“{account.label}” is only watched. Nothing was signed.", "Import its key, or choose another account.")
        secret = await self._vault.get(creation.final_name(account.wallet_id))

        def derive() -> bytes:
            if account.kind is AccountKind.IMPORTED:
                return keys.parse_private_key(secret.reveal())
            return keys.ExtendedKey.from_seed(phrases.seed_of(secret)).derive(account.path).key

        key = await asyncio.to_thread(derive)
        if keys.address_of(key) != account.address:
            raise Conflict(
                f"The keyring's secret for “{account.label}” makes another address. Nothing was signed.",
                "Somebody changed the keyring. Restore the wallet from its backup.",
            )
        return key

    # Inside

    async def _rows(self) -> AccountList:
        from app.wallets.tables import accounts

        def read(connection: sa.Connection) -> AccountList:
            found = connection.execute(accounts.select().order_by(accounts.c.created_at, accounts.c.path, accounts.c.id))
            return [
                Account(
                    id=row.id,
                    address=keys.checksum(row.address),
                    label=row.label,
                    kind=AccountKind(row.kind),
                    path=row.path,
                    wallet_id=row.wallet_id,
                    created_at=row.created_at,
                )
                for row in found
            ]

        return await self._database.read(read)

    async def _key_states(self, wallet_ids: Sequence[str]) -> dict[str, KeyState]:
        states: dict[str, KeyState] = {}
        for wallet_id in wallet_ids:
            try:
                found = await self._vault.has(creation.final_name(wallet_id))
            except ConsoleError:
                # One closed keyring answers for all: asking again would only wait again.
                return states
            states[wallet_id] = KeyState.IN_KEYRING if found else KeyState.MISSING
        return states

    async def _plan_keys(
        self, plan_kind: str, kind: AccountKind, label: str, title: str, secret: Secret, rows: Sequence[tuple[str, str, str]]
    ) -> Plan:
        self._access.require_unlocked()
        await self._require_free(rows)
        wallet_id = str(uuid7())
        await self._keeper.hold(wallet_id, kind, label, secret)
        params = {
            "wallet_id": wallet_id,
            "wallet_kind": kind.value,
            "label": label,
            "accounts": [{"id": str(uuid7()), "address": address, "label": name, "path": path} for address, name, path in rows],
        }
        noun = "the phrase" if kind is AccountKind.HD else "the key"
        step = StepSpec(creation.KEEP, f"Keep {noun} in the keyring and list its accounts")
        try:
            plan = await self._operations.draft(plan_kind, title, creation.CONSOLE, params, [step])
            await self._keeper.claim(wallet_id, plan.id)
            return await self._operations.preview(plan.id)
        except BaseException:
            await self._keeper.forget(wallet_id)
            raise

    async def _require_free(self, rows: Sequence[tuple[str, str, str]], *, watched_is_free: bool = True) -> None:
        known = {account.address: account for account in await self.list()}
        taken = {account.label.casefold(): account for account in known.values()}
        if len({name.casefold() for _, name, _ in rows}) < len(rows):
            raise Invalid(
                "Two of the accounts would have the same label. Nothing was created.", "Choose different labels.", field="label"
            )
        for address, name, _ in rows:
            here = known.get(address)
            if here is not None and (here.key_state not in (KeyState.WATCH_ONLY, KeyState.MISSING) or not watched_is_free):
                raise Conflict(
                    f"{address} is here already, as “{here.label}”. Nothing was created.", "Use that account.", field="address"
                )
            other = taken.get(name.casefold())
            if other is not None and other.address != address:
                raise _label_taken(other.label)

    async def _states(self) -> dict[str, str]:
        return {account.address: account.key_state.value for account in await self.list()}

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


def _with_state(account: Account, states: dict[str, KeyState]) -> Account:
    if account.kind is AccountKind.WATCH:
        return replace(account, key_state=KeyState.WATCH_ONLY)
    return replace(account, key_state=states.get(account.wallet_id, KeyState.UNKNOWN))


def _label_taken(label: str) -> Conflict:
    return Conflict(f"The label “{label}” belongs to another account. Nothing was changed.", "Choose another label.", field="label")
