"""Signers as separate HTTP servers, each with the words and errors of the real one; one of them lies.

They hold a key of their own, decide nothing about us, and can be told to wait like a person does.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data

KEY = "0x" + "42" * 32
ADDRESS = Account.from_key(KEY).address
Lie = Callable[[dict[str, Any]], dict[str, Any]]


class Failure(Exception):
    """A JSON-RPC error: code and text."""


@dataclass
class Person:
    """Whoever sits at the signer: waits until let, then agrees or refuses."""

    agrees: bool = True
    may_answer: threading.Event | None = None

    def decide(self, code: int, text: str) -> None:
        if self.may_answer is not None:
            self.may_answer.wait(60)
        if not self.agrees:
            raise Failure(code, text)


class SigningPeer:
    """A JSON-RPC signer over real HTTP. ``asked`` are the methods and parameters it got."""

    dialect = ""

    def __init__(self, person: Person | None = None, lie: Lie | None = None, key: str = KEY, chain_id: int = 1337) -> None:
        self.person, self.lie, self.key, self.chain_id = person or Person(), lie, key, chain_id
        self.asked: list[tuple[str, list[Any]]] = []
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                peer.asked.append((body["method"], body["params"]))
                answer = {"jsonrpc": "2.0", "id": body["id"]}
                try:
                    answer["result"] = peer.answer(body["method"], body["params"])
                except Failure as failure:
                    answer["error"] = {"code": failure.args[0], "message": failure.args[1]}
                text = peer.spoil(json.dumps(answer).encode())
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                with contextlib.suppress(OSError):  # whoever asked may have gone
                    self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def __enter__(self) -> SigningPeer:
        return self

    def __exit__(self, *_: object) -> None:
        if self.person.may_answer is not None:
            self.person.may_answer.set()
        self.server.shutdown()
        self.server.server_close()

    def methods(self) -> list[str]:
        """What it was asked, in order."""
        return [method for method, _ in self.asked]

    def spoil(self, text: bytes) -> bytes:
        """The answer as it goes out."""
        return text

    def answer(self, method: str, params: list[Any]) -> Any:
        raise NotImplementedError

    def sign(self, fields: dict[str, Any]) -> str:
        """A raw transaction of these fields, or of those the lie makes of them."""
        fields = dict(self.lie(dict(fields)) if self.lie else fields)
        sender = fields.pop("from")
        if sender.lower() != ADDRESS.lower():
            raise Failure(-32000, "No unlocked account matches the Sender")
        fields.setdefault("chainId", hex(self.chain_id))
        fields = {name: value if name in ("to", "data") else int(value, 16) for name, value in fields.items()}
        return "0x" + bytes(Account.sign_transaction(fields, self.key).raw_transaction).hex()

    def sign_message(self, data: str) -> str:
        return "0x" + bytes(Account.sign_message(encode_defunct(hexstr=data), self.key).signature).hex()

    def sign_typed(self, typed: dict[str, Any]) -> str:
        return "0x" + bytes(Account.sign_message(encode_typed_data(full_message=typed), self.key).signature).hex()


class Web3Signer(SigningPeer):
    """Signs at once; has a chain id of its own; strict about fields; passes what it does not know to a node that is not there."""

    def answer(self, method: str, params: list[Any]) -> Any:
        match method, params:
            case "eth_accounts", _:
                return [ADDRESS.lower()]
            case "eth_signTransaction", [fields]:
                known = {"from", "to", "gas", "gasPrice", "maxPriorityFeePerGas", "maxFeePerGas", "nonce", "value", "data"}
                if set(fields) - known:
                    raise Failure(-32602, "Invalid params")
                return self.sign(fields)
            case "eth_signTypedData", [_, str(text)]:
                return self.sign_typed(json.loads(text))
            case "eth_sign", [_, str(data)]:
                return self.sign_message(data)
        raise Failure(-32000, "Failed to connect to downstream node")


class Clef(SigningPeer):
    """Asks its person before everything but its version; answers transactions with raw and fields."""

    def answer(self, method: str, params: list[Any]) -> Any:
        if method == "account_version":
            return "6.1.0"
        if not method.startswith("account_"):
            raise Failure(-32601, f"the method {method} does not exist/is not available")
        self.person.decide(-32000, "request denied")
        match method, params:
            case "account_list", _:
                return [ADDRESS.lower()]
            case "account_signTransaction", [fields]:
                return {"raw": self.sign(fields), "tx": {}}
            case "account_signTypedData", [_, dict(typed)]:
                return self.sign_typed(typed)
            case "account_signData", ["text/plain", _, str(data)]:
                return self.sign_message(data)
        raise Failure(-32602, "invalid argument")


class Frame(SigningPeer):
    """A wallet with a person. ``signs`` False is as Frame 0.6 is: it passes eth_signTransaction to its node, which has no key."""

    signs = True

    def answer(self, method: str, params: list[Any]) -> Any:
        match method, params:
            case "web3_clientVersion", _:
                return "Frame/v0.6.9"
            case (("eth_accounts" | "eth_requestAccounts"), _):
                return [ADDRESS.lower()]
            case "eth_signTransaction", [fields] if self.signs:
                self.person.decide(4001, "User declined transaction")
                return self.sign(fields)
            case "eth_signTypedData_v4", [_, str(text)]:
                self.person.decide(4001, "User declined transaction")
                return self.sign_typed(json.loads(text))
            case "personal_sign", [str(data), _]:
                self.person.decide(4001, "User declined transaction")
                return self.sign_message(data)
        raise Failure(-32601, f"the method {method} does not exist/is not available")


class SendingFrame(Frame):
    """As Frame 0.6 is: it signs and sends in one act, through a node of its own, to which it passes what it does not know."""

    signs = False

    def __init__(self, node: Any, *arguments: Any, **named: Any) -> None:
        self.node = node
        super().__init__(*arguments, **named)

    def answer(self, method: str, params: list[Any]) -> Any:
        match method, params:
            case "eth_sendTransaction", [fields]:
                self.person.decide(4001, "User declined transaction")
                return self.node("eth_sendRawTransaction", self.sign(fields))
            case (("eth_getTransactionCount" | "eth_getTransactionByHash"), _):
                return self.node(method, *params)
        return super().answer(method, params)


DIALECTS = {"web3signer": Web3Signer, "clef": Clef, "frame": Frame}

LIES: dict[str, Lie] = {
    "other recipient": lambda fields: fields | {"to": "0x" + "66" * 20},
    "other nonce": lambda fields: fields | {"nonce": hex(int(fields["nonce"], 16) + 1)},
    "other value": lambda fields: fields | {"value": hex(int(fields["value"], 16) + 1)},
    "mutated data": lambda fields: fields | {"data": fields["data"] + "00"},
    "dearer": lambda fields: fields | {"maxFeePerGas": hex(int(fields["maxFeePerGas"], 16) + 1)},
    "more gas": lambda fields: fields | {"gas": hex(int(fields["gas"], 16) + 1)},
    "other chain": lambda fields: fields | {"chainId": hex(195)},
}
__all__ = ["ADDRESS", "DIALECTS", "KEY", "LIES", "Clef", "Frame", "Person", "SendingFrame", "SigningPeer", "Web3Signer"]
