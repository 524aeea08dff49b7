"""Signers elsewhere that speak JSON-RPC: Web3Signer, Clef, Frame. Each has its own words for the same three questions.

A signer may wait for a person, and nothing it answers is believed: a transaction must be, byte for byte, what was asked for, and a
signature must recover to the account.

Sources: Web3Signer's JSON-RPC reference and ``EthSignTypedDataResultProvider`` (typed data as JSON text); go-ethereum's
``cmd/clef`` external API 6 and ``accounts/external``; Frame's ``main/provider``, which has no ``eth_signTransaction``: it signs and
sends in one act, so the bytes are made again from the signature that it used, and must have the hash that it told.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from app.core.errors import Conflict, ConsoleError, Denied, Invalid, NotFound, Unavailable
from app.wallets import keys
from app.wallets.strict_json import DEEPEST, depth

if TYPE_CHECKING:
    from app.chain.signer import UnsignedTransaction

CONNECT_SECONDS = 5.0
LOOK_SECONDS = 60.0  # Clef and Frame ask their person before they list accounts
PERSON_SECONDS = 600.0  # to read a transaction on a small screen and press the button
LARGEST = 4 * 2**20  # bytes of an answer
USER_REJECTED = 4001  # EIP-1193
SENT_LOOKS, SENT_PAUSE = 40, 0.25  # until a wallet's node shows what the wallet sent; seconds between two looks
REFUSALS = ("denied", "declined", "rejected", "refused", "cancelled", "canceled")


class _NoMethod(Unavailable):
    """The signer does not have the method."""


class Dialect(StrEnum):
    """Whose words a signer understands."""

    WEB3SIGNER = "web3signer"
    CLEF = "clef"
    FRAME = "frame"


NAMES = {Dialect.WEB3SIGNER: "Web3Signer", Dialect.CLEF: "Clef", Dialect.FRAME: "Frame"}


@dataclass(frozen=True, slots=True)
class SignerView:
    """A signer that was looked at: its dialect, the version it tells, and the accounts it offers (EIP-55)."""

    url: str
    dialect: Dialect
    version: str
    accounts: tuple[str, ...]

    @property
    def name(self) -> str:
        """As people call it."""
        return NAMES[self.dialect]


class _Refused(ConsoleError):
    """The signer answered with a JSON-RPC error."""

    def __init__(self, method: str, code: int, text: str) -> None:
        super().__init__(f"The signer refused {method}: {text}")
        self.code, self.text = code, text


def signer_url(text: str) -> str:
    """The address of a signer, checked.

    Raises:
        Invalid: not http or https, or it carries a user name or a password, which the store must not keep.
    """
    url = text.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known or len(url) > 300 or not url.isprintable() or " " in url:
        raise Invalid(
            f"“{url[:80]}” is no address of a signer. Nothing was added.", "Write it as http://127.0.0.1:8550.", field="signer"
        )
    if parts.username is not None or parts.password is not None or parts.query:
        raise Invalid(
            "The address of a signer is kept in the store, so it must not carry a password or key. Nothing was added.",
            "Let a proxy on this machine add it.",
            field="signer",
        )
    return url


class RemoteSigner:
    """One signer. Opens a connection per question: there are few, and some wait for minutes."""

    def __init__(self, url: str, person_seconds: float = PERSON_SECONDS) -> None:
        self.url = signer_url(url)
        self._person_seconds = person_seconds
        self._dialect: Dialect | None = None
        self._version = ""

    async def look(self) -> SignerView:
        """Find out what it is, and which accounts it offers.

        Raises:
            Unavailable: it does not answer, or is no signer.
            Denied: its person does not want to show accounts.
        """
        dialect = await self._know()
        method = "account_list" if dialect is Dialect.CLEF else "eth_accounts"
        answer = await self._ask(method, [], LOOK_SECONDS)
        if not isinstance(answer, list):
            raise self._strange(method)
        found = [item.get("address") if isinstance(item, dict) else item for item in answer]  # Clef before its API 3
        try:
            accounts = tuple(keys.parse_address(str(address)) for address in found)
        except Invalid as error:
            raise self._strange(method) from error
        return SignerView(self.url, dialect, self._version, accounts)

    async def sign_transaction(self, address: str, unsigned: UnsignedTransaction, *, may_send: bool = True) -> bytes:
        """The raw bytes it signed; the caller compares them with what was asked.

        Args:
            may_send: a signer that can only sign and send in one act (Frame) may do so.

        Raises:
            Denied: the person refused. Nothing was signed.
            Unavailable: it does not answer (in time).
            NotFound: it does not have the account.
            Conflict: Frame sent something else than was asked for, or the nonce is used by now.
        """
        dialect = await self._know()
        fields = _fields(address, unsigned)
        if dialect is Dialect.WEB3SIGNER:
            # It has its own chain id and refuses fields it does not know; another chain shows in the bytes.
            fields.pop("chainId")
        method = "account_signTransaction" if dialect is Dialect.CLEF else "eth_signTransaction"
        try:
            answer = await self._ask(method, [fields], self._person_seconds)
        except _NoMethod:
            if dialect is not Dialect.FRAME:
                raise
            if not may_send:
                raise Denied(
                    "Frame signs and sends in one act, so it cannot sign many before the first is sent. Nothing was signed.",
                    "Send one by one, or pay from an account whose key is here, in Web3Signer or in Clef, or signed by hand.",
                ) from None
            return await self._sent(address, unsigned, fields)
        raw = answer.get("raw") if isinstance(answer, dict) else answer  # geth and Clef answer with {raw, tx}
        return self._bytes(method, raw)

    async def sign_typed(self, address: str, text: str, digest: bytes) -> bytes:
        """65 bytes over typed data (EIP-712). Raises as :meth:`sign_transaction`, and Conflict when it signed something else."""
        match await self._know():
            case Dialect.CLEF:
                method, params = "account_signTypedData", [address, json.loads(text)]
            case Dialect.FRAME:
                method, params = "eth_signTypedData_v4", [address, text]
            case _:
                method, params = "eth_signTypedData", [address, text]
        return self._signature(address, digest, method, await self._ask(method, params, self._person_seconds))

    async def sign_message(self, address: str, message: bytes, digest: bytes) -> bytes:
        """65 bytes over a message (EIP-191 version 0x45). Raises as :meth:`sign_typed`."""
        data = "0x" + message.hex()
        match await self._know():
            case Dialect.CLEF:
                method, params = "account_signData", ["text/plain", address, data]
            case Dialect.FRAME:
                method, params = "personal_sign", [data, address]
            case _:
                method, params = "eth_sign", [address, data]
        return self._signature(address, digest, method, await self._ask(method, params, self._person_seconds))

    async def _sent(self, address: str, unsigned: UnsignedTransaction, fields: dict[str, Any]) -> bytes:
        """What Frame sent, as bytes. All fields and the nonce were stored before it is asked, so a chain takes it once at most."""
        known = await self._quantity("eth_getTransactionCount", [address, "pending"])
        if known > unsigned.nonce:
            raise Conflict(
                f"The network knows a transaction of {address} with nonce {unsigned.nonce:,} already; it may be this very one, "
                "sent before the console ended. Nothing was sent now.",
                "Compare it with what was planned before you plan again.",
            )
        tx_hash = (
            "0x" + self._bytes("eth_sendTransaction", await self._ask("eth_sendTransaction", [fields], self._person_seconds)).hex()
        )
        found: Any = None
        for _ in range(SENT_LOOKS):
            found = await self._ask("eth_getTransactionByHash", [tx_hash], LOOK_SECONDS)
            if isinstance(found, dict):
                break
            await asyncio.sleep(SENT_PAUSE)
        if not isinstance(found, dict):
            raise Unavailable(
                f"The signer at {self.url} says that it sent {tx_hash}, and does not show it. It may be on its way.",
                "Look for it on the network before you plan again.",
            )
        raw = self._made_again(unsigned, found)
        if "0x" + keys.keccak(raw).hex() != tx_hash:
            differing = ", ".join(_differing(fields, found)) or "its signature"
            raise Conflict(
                f"The signer at {self.url} sent another transaction than was asked for ({differing}), as {tx_hash}. It is on "
                "its way and cannot be taken back.",
                "Compare it with what was planned before anything else is sent.",
            )
        return raw

    def _made_again(self, unsigned: UnsignedTransaction, found: dict[str, Any]) -> bytes:
        """The bytes that this signature makes of what was asked for."""
        try:
            r, s, v = (int(str(found[name]), 16) for name in ("r", "s", "v"))
        except (KeyError, ValueError) as error:
            raise self._strange("eth_getTransactionByHash") from error
        return unsigned.signed(r, s, v if v < 2 else (v - 35) % 2 if v >= 35 else (v - 27) % 2)

    async def _quantity(self, method: str, params: list[Any]) -> int:
        try:
            return int(str(await self._ask(method, params, LOOK_SECONDS)), 16)
        except ValueError as error:
            raise self._strange(method) from error

    # what it is

    async def _know(self) -> Dialect:
        if self._dialect is not None:
            return self._dialect
        try:
            version = await self._ask("account_version", [], LOOK_SECONDS)
        except _Refused:
            version = None
        if isinstance(version, str) and version:
            self._dialect, self._version = Dialect.CLEF, version
            return self._dialect
        try:
            client = str(await self._ask("web3_clientVersion", [], LOOK_SECONDS))
        except _Refused:  # Web3Signer without a node behind it
            client = ""
        self._dialect = Dialect.FRAME if client.lower().startswith("frame/") else Dialect.WEB3SIGNER
        self._version = client
        return self._dialect

    # asking

    async def _ask(self, method: str, params: list[Any], seconds: float) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=limits) as session,
                session.post(self.url, json=body, allow_redirects=False) as response,
            ):
                text = await response.content.read(LARGEST + 1)
                while len(text) <= LARGEST and (more := await response.content.read(LARGEST)):
                    text += more
        except TimeoutError as error:
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                raise self._unreachable("it does not answer") from error
            raise Unavailable(
                f"The signer at {self.url} did not answer within {seconds / 60:g} minutes. Nothing was signed.",
                "If somebody confirms it there later, the answer is not taken. Reject the old request there, then try again.",
            ) from error
        except aiohttp.ClientConnectorError as error:
            raise self._unreachable("nobody listens there") from error
        except aiohttp.ClientError as error:
            raise Unavailable(
                f"The signer at {self.url} broke off ({type(error).__name__}). Nothing was signed.",
                "Look at the signer, try again.",
            ) from error
        answer = self._read(method, text)
        if answer.get("error"):
            raise self._error(method, answer["error"])
        return answer.get("result")

    def _read(self, method: str, text: bytes) -> dict[str, Any]:
        if len(text) > LARGEST:
            raise self._strange(method)
        try:
            read = text.decode("utf-8")
            answer = None if depth(read) > DEEPEST else json.loads(read)
        except ValueError as error:
            raise self._strange(method) from error
        if not isinstance(answer, dict) or ("result" not in answer and not answer.get("error")):
            raise self._strange(method)
        return answer

    def _error(self, method: str, error: object) -> ConsoleError:
        code = error.get("code") if isinstance(error, dict) else None
        said = str(error.get("message", "") if isinstance(error, dict) else error)
        text = "".join(c for c in said if c.isprintable())[:200].strip().rstrip(".") or "no reason"
        low = text.lower()
        if method in ("account_version", "web3_clientVersion"):
            return _Refused(method, code if isinstance(code, int) else 0, text)
        if code == USER_REJECTED or any(word in low for word in REFUSALS):
            return Denied(
                f"The person at the signer refused ({text}). Nothing was signed.", "Ask them why, or choose another account."
            )
        if "unlocked account" in low or "unknown account" in low or "not from currently selected" in low:
            return NotFound(
                f"The signer at {self.url} does not sign for this account now ({text}). Nothing was signed.",
                "Select or load the account there.",
            )
        if code == -32601 or "not found" in low or "not supported" in low or "does not exist" in low or "not implemented" in low:
            return _NoMethod(
                f"The signer at {self.url} has no {method} ({text}). Nothing was signed.",
                "Sign with another signer, or by hand on another console.",
            )
        return Unavailable(f"The signer at {self.url} failed: {text}. Nothing was signed.", "Look at the signer's own log.")

    def _unreachable(self, why: str) -> Unavailable:
        return Unavailable(
            f"The signer at {self.url} cannot be reached: {why}. Nothing was signed.",
            "Start it, or correct its address.",
            retryable=True,
        )

    def _strange(self, method: str) -> Unavailable:
        return Unavailable(
            f"What the signer at {self.url} answered to {method} cannot be read. Nothing was signed.",
            "Check that this is the address of a signer.",
        )

    def _bytes(self, method: str, value: object) -> bytes:
        try:
            if isinstance(value, str) and value.startswith("0x") and value.isascii():
                return bytes.fromhex(value[2:])
        except ValueError:
            pass
        raise self._strange(method)

    def _signature(self, address: str, digest: bytes, method: str, value: object) -> bytes:
        signature = self._bytes(method, value)
        if len(signature) != 65:
            raise self._strange(method)
        signature = signature[:64] + bytes([signature[64] + 27 if signature[64] < 27 else signature[64]])
        try:
            signed_by = keys.recover(digest, signature)
        except Invalid:
            signed_by = "nobody"
        if signed_by != address:
            raise Conflict(
                f"The signer at {self.url} signed something else, or with another key: its signature is that of {signed_by}. "
                "It was thrown away.",
                "Do not use this signer before somebody has looked at it.",
            )
        return signature


def _fields(address: str, unsigned: UnsignedTransaction) -> dict[str, Any]:
    """The transaction object of ``eth_signTransaction``: quantities without leading zeros, ``data`` for the call data."""
    fields: dict[str, Any] = {
        "from": address,
        "gas": hex(unsigned.gas_limit),
        "value": hex(unsigned.value),
        "nonce": hex(unsigned.nonce),
        "data": "0x" + unsigned.data.hex(),
        "chainId": hex(unsigned.chain_id),
    }
    if unsigned.to:
        fields["to"] = unsigned.to
    if unsigned.legacy:
        return fields | {"gasPrice": hex(unsigned.max_fee_per_gas)}
    return fields | {
        "maxFeePerGas": hex(unsigned.max_fee_per_gas),
        "maxPriorityFeePerGas": hex(unsigned.max_priority_fee_per_gas),
    }


def _differing(fields: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The names of what a sent transaction has and was not asked for."""
    names = {"data": "input", "chainId": "chainId"}
    differing = []
    for name, asked in fields.items():
        told = found.get(names.get(name, name))
        if told is not None and str(told).lower() != str(asked).lower():
            differing.append(name)
    return differing


async def offered(url: str) -> SignerView:
    """Look at a signer. Raises as :meth:`RemoteSigner.look`."""
    async with asyncio.timeout(3 * LOOK_SECONDS):
        return await RemoteSigner(url).look()
