"""Who signs for an account: its key in the vault, here; the Signer of ``app.chain``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.core.errors import Conflict, Denied, Invalid, NotFound
from app.wallets import creation, keys
from app.wallets.accounts import AccountKind
from app.wallets.making import derived_key
from app.wallets.register import Register

if TYPE_CHECKING:
    from app.chain.signer import SigningTask, UnsignedTransaction


class Signing(Register):
    """A key is read from the vault at the moment of signing and kept nowhere."""

    async def sign_transaction(self, address: str, unsigned: UnsignedTransaction, task: SigningTask | None = None) -> bytes:
        """The signed, serialised transaction (EIP-2718 envelope).

        Raises:
            Locked: the console or the keyring is locked. Nothing was signed.
            Denied: the account is only watched.
            NotFound: no such account, or its secret is not in this keyring.
        """
        key = await self._key(address)
        r, s, parity = keys.sign(key, keys.keccak(unsigned.payload()))
        return unsigned.signed(r, s, parity)

    async def sign_transactions(self, address: str, transactions: Sequence[UnsignedTransaction]) -> list[bytes]:
        """Many transactions with one look at the key, in their order. Raises as :meth:`sign_transaction`; then none was signed."""
        key = await self._key(address)

        def sign() -> list[bytes]:
            return [each.signed(*keys.sign(key, keys.keccak(each.payload()))) for each in transactions]

        return await asyncio.to_thread(sign)

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
        if account.kind is AccountKind.EXTERNAL:
            raise Denied(
                f"The signer of “{account.label}” signs only what it can show to a person, not a bare digest. Nothing was signed.",
                "Choose an account whose key is in this console.",
            )
        secret = await self._vault.get(creation.final_name(account.wallet_id))

        def derive() -> bytes:
            if account.kind is AccountKind.IMPORTED:
                return keys.parse_private_key(secret.reveal())
            return derived_key(secret, account.path)

        try:
            key = await asyncio.to_thread(derive)
        except Invalid:  # what stands in the item is no key at all
            key = b""
        if not key or keys.address_of(key) != account.address:
            makes = "makes another address" if key else "is no key"
            raise Conflict(
                f"The keyring's secret for “{account.label}” {makes}. Nothing was signed.",
                "Somebody changed the keyring. Restore the wallet from its backup.",
            )
        return key
