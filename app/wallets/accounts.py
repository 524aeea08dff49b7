"""What an account is: an address, a name, and where its key lives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.core.errors import Invalid

LABEL_LENGTH = 60
NOTE_LENGTH = 500


class AccountKind(StrEnum):
    """How an account came here, which decides how it signs."""

    HD = "hd"  # derived from a recovery phrase (BIP-39, BIP-32, BIP-44)
    IMPORTED = "imported"  # one private key
    WATCH = "watch"  # an address only: it can be looked at, and signed for by hand on another console
    EXTERNAL = "external"  # its key is in a JSON-RPC signer: Web3Signer, Clef, Frame


class KeyState(StrEnum):
    """Whether the account can sign here and now."""

    IN_KEYRING = "inKeyring"
    WATCH_ONLY = "watchOnly"
    EXTERNAL = "external"  # a signer elsewhere is asked
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
        group: name of the group it stands in, or empty.
        position: place in the list; the lower comes first.
        note: the operator's own words; never a secret.
        signer: URL of the JSON-RPC signer of an external account, else empty.
    """

    id: str
    address: str
    label: str
    kind: AccountKind
    path: str = ""
    wallet_id: str = ""
    key_state: KeyState = KeyState.UNKNOWN
    created_at: int = 0
    group: str = ""
    position: int = 0
    note: str = ""
    signer: str = ""


@dataclass(frozen=True, slots=True)
class Wallet:
    """A phrase or a key that accounts hang on; the secret itself is in the vault.

    Attributes:
        id: UUIDv7 as text.
        label: what it was called when it was made.
        kind: ``hd`` or ``imported``.
        path: template of its accounts' BIP-32 paths, with ``{index}``; empty for a single key.
        accounts: addresses that hang on it.
        drilled_at: UTC milliseconds of the last drill in which a backup gave the same addresses; 0: never.
        created_at: UTC milliseconds.
    """

    id: str
    label: str
    kind: AccountKind
    path: str
    accounts: tuple[str, ...] = ()
    drilled_at: int = 0
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


def clean_group(text: str) -> str:
    """A group's name without outer and doubled blanks; empty means none.

    Raises:
        Invalid: longer than 60 characters, or with characters that cannot be shown.
    """
    group = " ".join(text.split())
    if len(group) > LABEL_LENGTH or not group.isprintable():
        raise Invalid(f"A group's name has at most {LABEL_LENGTH} visible characters. Nothing was changed.", field="group")
    return group


def clean_note(text: str) -> str:
    """A note of at most 500 characters.

    Raises:
        Invalid: too long, or it holds what looks like a recovery phrase or a private key: the store is no place for these.
    """
    from app.core.logging import redact

    note = text.strip()
    if len(note) > NOTE_LENGTH:
        raise Invalid(f"A note has at most {NOTE_LENGTH} characters; this one has {len(note)}. Nothing was changed.", field="note")
    if redact(note) != note:
        raise Invalid(
            "This note seems to hold a recovery phrase, a key or a password. It was not kept.",
            "Secrets belong into the keyring: create or import an account.",
            field="note",
        )
    return note
