"""Secrets that are in the keyring while the store knows nothing of them: its database was lost, or replaced by an older one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import Conflict, Invalid, NotFound
from app.core.secret import Secret
from app.operations.plans import Plan, StepSpec
from app.wallets import creation, keys
from app.wallets.accounts import AccountKind, clean_label
from app.wallets.making import Making, derive, named, params_of

if TYPE_CHECKING:
    import sqlalchemy as sa

PREFIX = creation.final_name("")


class Adopting(Making):
    """Lists accounts anew whose secrets were never lost."""

    async def strays(self) -> tuple[str, ...]:
        """Ids of wallets whose secrets are in the keyring and which the store does not list.

        Raises:
            Locked, Unavailable: the keyring cannot be asked.
        """
        from app.wallets.tables import wallets

        def known(connection: sa.Connection) -> set[str]:
            return set(connection.scalars(wallets.select().with_only_columns(wallets.c.id).where(wallets.c.state != "stray")))

        listed = await self._database.read(known)
        names = [name.removeprefix(PREFIX) for name in await self._vault.names() if name.startswith(PREFIX)]
        return tuple(name for name in names if name not in listed)

    async def plan_adopt(
        self, wallet_id: str, label: str, accounts: int = 1, labels: Sequence[str] = (), path: str = keys.ETHEREUM_PATH
    ) -> Plan:
        """Plan to list the accounts of a stray secret again. It stays where it is, also when the plan is given up.

        Raises:
            NotFound: the keyring has no such stray secret.
            Invalid: a single key has one account only, or a label or path cannot be used.
            Conflict: an account or a label is here already.
        """
        self._access.require_unlocked()
        if wallet_id not in await self.strays():
            raise NotFound(f"The keyring has no stray secret “{wallet_id}”. Nothing was planned.", "List them: azora wallet adopt")
        wallet, template = clean_label(label), keys.path_template(path)
        kept = await self._vault.get(creation.final_name(wallet_id))
        if kept.reveal().startswith("0x"):
            kind, template, rows = AccountKind.IMPORTED, "", [self._single(kept, wallet, accounts)]
        else:
            kind, numbers = AccountKind.HD, list(range(accounts))
            derived = await asyncio.to_thread(derive, kept, template, numbers)
            names = named(wallet, numbers, labels)
            rows = [(address, name, where) for (address, where), name in zip(derived, names, strict=True)]
        await self._require_free(rows)
        await self._enter_stray(wallet_id, kind, wallet, template)
        step = StepSpec(creation.KEEP, "List the accounts of a secret that is in the keyring")
        params = params_of(wallet_id, kind, wallet, rows)
        return await self._operations.plan("wallets.adopt", f"Take over wallet “{wallet}”", creation.CONSOLE, params, [step])

    def _single(self, kept: Secret, label: str, accounts: int) -> tuple[str, str, str]:
        if accounts != 1:
            raise Invalid("This secret is a single key: it has one account. Nothing was planned.", field="accounts")
        return keys.address_of(keys.parse_private_key(kept.reveal())), label, ""

    async def _enter_stray(self, wallet_id: str, kind: AccountKind, label: str, path: str) -> None:
        """A row in a state that no sweep touches, until the plan makes it ready."""
        from app.wallets.tables import wallets

        values = {"kind": kind.value, "label": label, "path": path}

        def write(connection: sa.Connection) -> None:
            if connection.execute(
                wallets.update().where(wallets.c.id == wallet_id, wallets.c.state == "stray").values(values)
            ).rowcount:
                return
            if connection.execute(wallets.select().where(wallets.c.id == wallet_id)).first() is not None:
                raise Conflict("This secret was taken over just now. Nothing was planned.", "List the accounts.")
            row = {"id": wallet_id, "state": "stray", "plan_id": "", "created_at": now_ms(), "drilled_at": 0}
            connection.execute(wallets.insert().values({**values, **row}))

        await self._database.write(write)
