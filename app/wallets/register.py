"""The list of accounts, and the edits that a person makes to it: names, groups, order, notes, addresses to watch."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.core.clock import now_ms, uuid7
from app.core.errors import Conflict, ConsoleError, Invalid, NotFound
from app.core.events import AccountsChanged
from app.wallets import creation, keys
from app.wallets.accounts import Account, AccountKind, KeyState, Wallet, clean_group, clean_label, clean_note

if TYPE_CHECKING:
    import sqlalchemy as sa

    from app.access import Access
    from app.access.vault import Vault
    from app.chain import Economy, Networks, Transactions
    from app.core.events import Bus
    from app.core.jobs import Jobs
    from app.database import Database
    from app.operations import Operations

AccountList = list[Account]  # the verb `list` below hides the type of the same name


class Register:
    """Accounts as rows. The other parts of :class:`app.wallets.Wallets` build on it and share its services."""

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        access: Access,
        operations: Operations,
        networks: Networks,
        transactions: Transactions,
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

    # Looking

    async def list(self) -> AccountList:
        """All accounts in their order, each with the state of its key."""
        rows = await self._rows()
        states = await self._key_states(sorted({account.wallet_id for account in rows if account.wallet_id}))
        return [_with_state(account, states) for account in rows]

    async def get(self, address_or_label: str) -> Account:
        """One account by address, label (small and capital letters are equal) or id.

        Raises:
            NotFound: no such account.
        """
        account = await self._row(address_or_label)
        return _with_state(account, await self._key_states([account.wallet_id] if account.wallet_id else []))

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
            f"“{text}” is neither an address nor the label of an account or contact. Nothing was done.",
            "Check the spelling.",
            field="account",
        )

    async def sources(self) -> tuple[Wallet, ...]:
        """The phrases and keys of this console, oldest first, each with how many accounts hang on it; never a secret."""
        from app.wallets.tables import wallets

        def read(connection: sa.Connection) -> Sequence[sa.Row[tuple[object, ...]]]:
            return connection.execute(wallets.select().where(wallets.c.state == "ready").order_by(wallets.c.created_at)).all()

        rows = await self._rows()
        return tuple(
            Wallet(
                id=row.id,
                label=row.label,
                kind=AccountKind(row.kind),
                path=row.path,
                accounts=tuple(account.address for account in rows if account.wallet_id == row.id),
                drilled_at=row.drilled_at,
                created_at=row.created_at,
            )
            for row in await self._database.read(read)
        )

    async def wallet(self, wallet_or_account: str) -> Wallet:
        """The phrase or key of that id or label, or on which an account (by label, address or id) hangs.

        Raises:
            NotFound: there is none.
        """
        text = wallet_or_account.strip()
        found = await self.sources()
        for wallet in found:
            if text == wallet.id or text.casefold() == wallet.label.casefold():
                return wallet
        account = await self._row(text)
        for wallet in found:
            if wallet.id == account.wallet_id:
                return wallet
        raise NotFound(f"“{account.label}” hangs on no phrase or key of this console. Nothing was done.", "Choose another account.")

    # Edits

    async def watch(self, label: str, address: str) -> Account:
        """List an address without a key. An edit: no plan, nothing secret.

        Raises:
            Invalid: not an address.
            Conflict: the address or the label is here already.
        """
        return await self._list_keyless(label, address, AccountKind.WATCH)

    async def label(self, account_id: str, label: str) -> Account:
        """Give an account another label. An edit.

        Raises:
            NotFound: no such account.
            Conflict: another account has this label.
        """
        name = clean_label(label)
        account = await self._row(account_id)
        for other in await self._rows():
            if other.id != account.id and other.label.casefold() == name.casefold():
                raise label_taken(other.label)
        return await self._edit(account, {"label": name, "label_key": name.casefold()})

    async def set_group(self, account_id: str, group: str) -> Account:
        """Put an account into a group, or into none with an empty name. An edit.

        Raises:
            NotFound: no such account.
            Invalid: the name is longer than 60 characters or cannot be shown.
        """
        return await self._edit(await self._row(account_id), {"group_name": clean_group(group)})

    async def set_note(self, account_id: str, text: str) -> Account:
        """Keep a note with an account, at most 500 characters. An edit; a note is no place for secrets.

        Raises:
            NotFound: no such account.
            Invalid: too long, or it holds a recovery phrase or a key.
        """
        return await self._edit(await self._row(account_id), {"note": clean_note(text)})

    async def move(self, account_id: str, position: int) -> AccountList:
        """Put an account at a place of the list (0 is the first; beyond the end is the last). An edit.

        Raises:
            NotFound: no such account.
        """
        from app.wallets.tables import accounts

        moved = await self._row(account_id)
        rest = [account for account in await self._rows() if account.id != moved.id]
        rest.insert(max(0, position), moved)

        def write(connection: sa.Connection) -> None:
            for place, account in enumerate(rest):
                connection.execute(accounts.update().where(accounts.c.id == account.id).values(position=place))

        await self._database.write(write)
        self._bus.publish(AccountsChanged())
        return await self.list()

    # Inside

    async def _list_keyless(self, label: str, address: str, kind: AccountKind, signer: str = "") -> Account:
        from app.wallets.tables import accounts

        name, checked = clean_label(label), keys.parse_address(address)
        known = next((account for account in await self._rows() if account.address == checked), None)
        upgrade = known is not None and known.kind is AccountKind.WATCH and kind is AccountKind.EXTERNAL
        if known is not None and upgrade:
            return await self._edit(known, {"kind": kind.value, "signer": signer})
        await self._require_free([(checked, name, "")], watched_is_free=False)
        new = {
            "id": str(uuid7()),
            "address": bytes.fromhex(checked[2:]),
            "label": name,
            "label_key": name.casefold(),
            "kind": kind.value,
            "path": "",
            "wallet_id": "",
            "group_name": "",
            "position": creation.LAST,
            "note": "",
            "signer": signer,
            "created_at": now_ms(),
        }
        await self._database.write(lambda connection: connection.execute(accounts.insert().values(new)))
        self._bus.publish(AccountsChanged())
        return await self.get(checked)

    async def _edit(self, account: Account, values: dict[str, object]) -> Account:
        from app.wallets.tables import accounts

        await self._database.write(
            lambda connection: connection.execute(accounts.update().where(accounts.c.id == account.id).values(values))
        )
        self._bus.publish(AccountsChanged())
        return await self.get(account.id)

    async def _row(self, address_or_label: str) -> Account:
        text = address_or_label.strip()
        for account in await self._rows():
            if text in (account.id, account.address) or text.casefold() in (account.label.casefold(), account.address.lower()):
                return account
        raise NotFound(f"There is no account “{text}”. Nothing was done.", "List the accounts, or create it.", field="account")

    async def _rows(self) -> AccountList:
        from app.wallets.tables import accounts

        order = (accounts.c.position, accounts.c.created_at, accounts.c.path, accounts.c.id)

        def read(connection: sa.Connection) -> AccountList:
            return [
                Account(
                    id=row.id,
                    address=keys.checksum(row.address),
                    label=row.label,
                    kind=AccountKind(row.kind),
                    path=row.path,
                    wallet_id=row.wallet_id,
                    created_at=row.created_at,
                    group=row.group_name,
                    position=row.position,
                    note=row.note,
                    signer=row.signer,
                )
                for row in connection.execute(accounts.select().order_by(*order))
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

    async def _require_free(self, rows: Sequence[tuple[str, str, str]], *, watched_is_free: bool = True) -> None:
        known = {account.address: account for account in await self.list()}
        taken = {account.label.casefold(): account for account in known.values()}
        if len({name.casefold() for _, name, _ in rows}) < len(rows):
            raise Invalid(
                "Two of the accounts would have the same label. Nothing was created.", "Choose different labels.", field="label"
            )
        keyless = (KeyState.WATCH_ONLY, KeyState.EXTERNAL, KeyState.MISSING)
        for address, name, _ in rows:
            here = known.get(address)
            if here is not None and (here.key_state not in keyless or not watched_is_free):
                raise Conflict(
                    f"{address} is here already, as “{here.label}”. Nothing was created.", "Use that account.", field="address"
                )
            other = taken.get(name.casefold())
            if other is not None and other.address != address:
                raise label_taken(other.label)

    async def _states(self) -> dict[str, str]:
        return {account.address: account.key_state.value for account in await self.list()}


def _with_state(account: Account, states: dict[str, KeyState]) -> Account:
    fixed = {AccountKind.WATCH: KeyState.WATCH_ONLY, AccountKind.EXTERNAL: KeyState.EXTERNAL}
    return replace(account, key_state=fixed.get(account.kind) or states.get(account.wallet_id, KeyState.UNKNOWN))


def label_taken(label: str) -> Conflict:
    """The error of a label that another account has."""
    return Conflict(f"The label “{label}” belongs to another account. Nothing was changed.", "Choose another label.", field="label")
