"""Signers elsewhere: each dialect is recognised and asked in its own words; refusal, silence and nonsense are told apart."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from app.chain import UnsignedTransaction
from app.core.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from app.wallets import keys, messages, typed
from app.wallets.signers import Dialect, RemoteSigner, signer_url
from tests.wallets.signing_peers import ADDRESS, DIALECTS, Clef, Frame, Person, SigningPeer, Web3Signer

UNSIGNED = UnsignedTransaction(1337, 7, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", 10**18, b"\xab\xcd", 60_000, 3 * 10**9, 10**9)
TYPED = json.dumps(
    {
        "types": {
            "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
            "Mail": [{"name": "contents", "type": "string"}],
        },
        "primaryType": "Mail",
        "domain": {"name": "Ether Mail", "chainId": 1337},
        "message": {"contents": "Hello, Bob!"},
    }
)


@pytest.mark.asyncio
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_signer_is_recognised_and_signs_in_its_own_words(dialect):
    with DIALECTS[dialect]() as peer:
        signer = RemoteSigner(peer.url)
        view = await signer.look()
        assert (view.dialect, view.accounts) == (Dialect(dialect), (ADDRESS,))
        raw = await signer.sign_transaction(ADDRESS, UNSIGNED)
        digest = keys.keccak(UNSIGNED.payload())
        # The bytes are what we would serialise with that signature: nothing else was signed.
        from eth_account import Account

        assert Account.recover_transaction(raw) == ADDRESS and raw.startswith(UNSIGNED.payload()[:1])
        legacy = UnsignedTransaction(1337, 8, None, 0, b"\x60\x00", 90_000, 10**9, 10**9, legacy=True)
        assert Account.recover_transaction(await signer.sign_transaction(ADDRESS, legacy)) == ADDRESS
        read = typed.parse(TYPED)
        assert keys.recover(read.digest, await signer.sign_typed(ADDRESS, TYPED, read.digest)) == ADDRESS
        said = messages.message("Hello")
        assert keys.recover(said.digest, await signer.sign_message(ADDRESS, said.data, said.digest)) == ADDRESS
        assert len(digest) == 32


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", [Clef, Frame])
async def test_a_refusal_is_no_failure_of_the_signer(kind):
    with kind(Person(agrees=False)) as peer, pytest.raises(Denied, match="person at the signer refused"):
        await RemoteSigner(peer.url).sign_transaction(ADDRESS, UNSIGNED)


@pytest.mark.asyncio
async def test_silence_is_told_from_a_refusal_and_nothing_is_signed():
    with Clef(Person(may_answer=threading.Event())) as peer, pytest.raises(Unavailable, match="did not answer within"):
        await RemoteSigner(peer.url, person_seconds=0.3).sign_transaction(ADDRESS, UNSIGNED)
    with pytest.raises(Unavailable, match="nobody listens") as gone:
        await RemoteSigner(peer.url).look()
    assert gone.value.retryable


@pytest.mark.asyncio
async def test_a_wallet_without_a_node_is_asked_nothing_and_a_foreign_account_is_not_found():
    class Alone(Frame):
        signs = False

    with Alone() as peer, pytest.raises(Unavailable, match="has no eth_getTransactionCount"):
        await RemoteSigner(peer.url).sign_transaction(ADDRESS, UNSIGNED)
    assert "eth_sendTransaction" not in peer.methods()
    with Web3Signer() as peer, pytest.raises(NotFound, match="does not sign for this account"):
        await RemoteSigner(peer.url).sign_transaction("0x" + "99" * 20, UNSIGNED)


@pytest.mark.asyncio
async def test_a_signature_of_another_key_is_thrown_away():
    read, said = typed.parse(TYPED), messages.message("Hello")
    with Clef(key="0x" + "43" * 32) as peer:
        signer = RemoteSigner(peer.url)
        with pytest.raises(Conflict, match="thrown away"):
            await signer.sign_typed(ADDRESS, TYPED, read.digest)
        with pytest.raises(Conflict, match="thrown away"):
            await signer.sign_message(ADDRESS, said.data, said.digest)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "text", [b"", b"<html>", b"[]", b"{}", b'{"result": 5}', b'{"result": "0xzz"}', b"[" * 100_000, b"x" * 5_000_000]
)
async def test_what_is_no_answer_is_never_taken_for_one(text):
    class Strange(SigningPeer):
        def answer(self, method, params):
            return None

        def spoil(self, _):
            return text

    with Strange() as peer, pytest.raises(Unavailable, match="Nothing was signed"):
        await asyncio.wait_for(RemoteSigner(peer.url).sign_transaction(ADDRESS, UNSIGNED), 20)


@pytest.mark.parametrize(
    "text",
    ["", "127.0.0.1:8550", "ftp://x", "file:///etc/passwd", "http://", "http://u:p@host:1", "http://h?key=1", "http://h:99999"],
)
def test_an_address_that_is_none_or_carries_a_password_is_refused(text):
    with pytest.raises(Invalid) as refused:
        signer_url(text)
    assert "u:p" not in str(refused.value)
