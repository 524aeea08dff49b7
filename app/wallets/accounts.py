"""What an account is: an address, a name, and where its key lives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.core.errors import Invalid

LABEL_LENGTH = 60


class AccountKind(StrEnum):
    """How an account came here, which decides how it signs."""

    HD = "hd"  # derived from a recovery phrase (BIP-39, BIP-32, BIP-44)
    IMPORTED = "imported"  # one private key
    WATCH = "watch"  # an address only: it can be looked at, never signed for


class KeyState(StrEnum):
    """Whether the account can sign here and now."""

    IN_KEYRING = "inKeyring"
    WATCH_ONLY = "watchOnly"
    MISSING = "missing"  # the row is here, its secret is not: another keyring, or it was deleted there
    UNKNOWN = "unknown"  # the keyring is locked or does not answer, so nobody can tell


@dataclass(frozen=True, slots=True)
class Account:
    """One account of this console.

    Attributes:
        id: UUIDv7 as text.
        address: EIP-55 spelling.
        label: unique name given by the operator.
        kind: how it signs.
        path: BIP-32 path of an HD account, else empty.
        wallet_id: the phrase or key in the vault it hangs on, else empty.
        key_state: whether it can sign here.
        created_at: UTC milliseconds.
    """

    id: str
    address: str
    label: str
    kind: AccountKind
    path: str = ""
    wallet_id: str = ""
    key_state: KeyState = KeyState.UNKNOWN
    created_at: int = 0


@dataclass(frozen=True, slots=True)
class Balances:
    """What an address holds at one block: wei of the native coin, and AZR in its smallest unit (None: no AZR known there)."""

    native: int
    azr: int | None
    block: int
    block_hash: str = ""


def clean_label(text: str) -> str:
    """A label without outer and doubled blanks.

    Raises:
        Invalid: empty, longer than 60 characters, or with characters that cannot be shown.
    """
    label = " ".join(text.split())
    if not label or len(label) > LABEL_LENGTH or not label.isprintable():
        raise Invalid(f"A label has 1 to {LABEL_LENGTH} visible characters. Nothing was changed.", "Choose another.", field="label")
    if label.lower().startswith("0x") and len(label) >= 42:
        raise Invalid("A label that looks like an address would mislead. Nothing was changed.", "Choose a name.", field="label")
    return label
