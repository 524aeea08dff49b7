"""Messages, signatures and plans that sign: standards' own examples, and a permit that the real token takes."""

from __future__ import annotations

import json

import pytest
import pytest_asyncio
from eth_account import Account as EthAccount
from eth_account.messages import encode_defunct, encode_intended_validator
from hypothesis import given, settings
from hypothesis import strategies as st

from app.chain.hashing import keccak256
from app.console import Console
from app.core.errors import Denied, Invalid, NotFound
from app.core.paths import Home
from app.core.settings import NetworkSetting, SettingsStore
from app.operations import PlanState
from app.wallets import consent, keys, messages
from app.wallets.permits import permissions
from app.wallets.typed import parse
from tests.wallets.conftest import FIRST, HARDHAT, SECOND, Memory
from tests.wallets.test_typed import MAIL, with_

AZR = 10**18
EIP_2098_KEY = bytes.fromhex("1234567890" * 6 + "1234")  # the example of the standard


def signed(key: bytes, digest: bytes) -> bytes:
    return keys.signature_bytes(keys.sign(key, digest))


# Messages and signatures


def test_a_message_is_hashed_and_signed_as_everywhere():
    """web3.js' documented example, and eth-account for bytes and for validators."""
    key = bytes.fromhex("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")
    said = messages.message("Some data")
    assert said.digest.hex() == "1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655"
    assert signed(key, said.digest).hex() == (
        "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a029"
        "1c"
    )
    signature = EthAccount.sign_message(encode_intended_validator(FIRST, text="hi"), key).signature
    assert signed(key, messages.message("hi", FIRST).digest) == bytes(signature)
    typed = parse(json.dumps(MAIL))
    assert messages.structured_digest(typed.domain_hash, typed.message_hash) == typed.digest


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_hashed_as_eth_account_hashes_them(data):
    theirs = encode_defunct(primitive=data)
    assert messages.message(data).envelope == b"\x19" + theirs.version + theirs.header + theirs.body


@pytest.mark.parametrize(
    ("text", "compact"),
    [
        (
            "Hello World",
            "68a020a209d3d56c46f38cc50a33f704f4a9a10a59377f8dd762ac66910e9b90"
            "7e865ad05c4035ab5792787d4a0297a43617ae897930a6fe4d822b8faea52064",
        ),
        (
            "It's a small(er) world",
            "9328da16089fcba9bececa81663203989f2df5fe1faa6291a45381c81bd17f76"
            "939c6d6b623b42da56557e5e734a43dc83345ddfadec52cbe24d0cc64f550793",
        ),
    ],
)
def test_the_compact_signatures_of_eip_2098_are_read(text, compact):
    digest = messages.message(text).digest
    assert messages.signature(compact).full == signed(EIP_2098_KEY, digest)
    assert messages.signer_of(digest, messages.signature(compact)) == keys.address_of(EIP_2098_KEY)


def test_a_signature_has_one_form_and_no_twin():
    digest = messages.message("x").digest
    good = signed(EIP_2098_KEY, digest)
    r, s, v = good[:32], int.from_bytes(good[32:64], "big"), good[64]
    twin = r + (keys.ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    assert keys.recover(digest, twin) == keys.address_of(EIP_2098_KEY), "the curve itself would take it"
    for wrong, said in (
        (twin, "malleable"),
        (good[:64] + b"\x1d", "not 29"),
        (bytes(32) + good[32:], "out of range"),
        (keys.ORDER.to_bytes(32, "big") + good[32:], "out of range"),
        (good[:63], "65 or 64 bytes"),
    ):
        with pytest.raises(Invalid, match=said):
            messages.signer_of(digest, messages.signature(wrong))
    assert messages.signer_of(digest, messages.signature(good[:64] + bytes([v - 27]))) == keys.address_of(EIP_2098_KEY)
    with pytest.raises(Invalid, match="pairs of hex digits"):
        messages.signature("0x12z4")


def test_a_message_that_is_something_else_is_told():
    def told(content: str | bytes) -> str:
        return " ".join(problem.text for problem in messages.message(content).problems)

    assert "is a hash" in told(b"\x01" * 32) and "is a hash" in told("0x" + "ab" * 32)
    raw = EthAccount.sign_transaction(
        {"chainId": 1, "nonce": 0, "gas": 21000, "maxFeePerGas": 1, "maxPriorityFeePerGas": 1, "to": FIRST, "value": 1},
        EIP_2098_KEY,
    ).raw_transaction
    assert "looks like a transaction" in told(bytes(raw)) and "looks like a transaction" in told("0x" + bytes(raw).hex())
    assert "cannot be seen" in told("a\u202eb") and "line break" in told("a\n") and "empty" in told("")
    assert told("Hello") == "" and "not text" in told(b"\xff\xfe")
    with pytest.raises(Invalid, match="at most"):
        messages.message(b"x" * 100_001)


# Permissions


def permission(primary: str, types: dict[str, str], message: dict[str, object]) -> object:
    """What is found in a message; types as ``{"Permit": "address owner,uint256 value"}``."""
    members = {
        name: [dict(zip(("type", "name"), field.split(), strict=True)) for field in text.split(",")] for name, text in types.items()
    }
    domain = {"name": "T", "chainId": 1337, "verifyingContract": keys.checksum(b"\x33" * 20)}
    found = permissions(parse(json.dumps({"types": members, "primaryType": primary, "domain": domain, "message": message})))
    return [(p.standard, p.token, p.spender, p.amount, p.unlimited, p.transfer, p.until) for p in found]


def test_permissions_to_spend_are_recognised():
    token = keys.checksum(b"\x33" * 20)
    dai = "address holder,address spender,uint256 nonce,uint256 expiry,bool allowed"
    said = {"holder": FIRST, "spender": SECOND, "nonce": 1, "expiry": 0, "allowed": True}
    assert permission("Permit", {"Permit": dai}, said) == [("DAI", token, SECOND, 2**256 - 1, True, False, None)]
    details = {"PermitDetails": "address token,uint160 amount,uint48 expiration,uint48 nonce"}
    one = {"token": FIRST, "amount": str(2**160 - 1), "expiration": 5, "nonce": 0}
    said = {"details": [one, one | {"amount": 7}], "spender": SECOND, "sigDeadline": 9}
    batch = details | {"PermitBatch": "PermitDetails[] details,address spender,uint256 sigDeadline"}
    assert permission("PermitBatch", batch, said) == [
        ("Permit2", FIRST, SECOND, 2**160 - 1, True, False, 5),
        ("Permit2", FIRST, SECOND, 7, False, False, 5),
    ]
    single = {
        "TokenPermissions": "address token,uint256 amount",
        "PermitTransferFrom": "TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline",
    }
    said = {"permitted": {"token": FIRST, "amount": 3}, "spender": SECOND, "nonce": 0, "deadline": 8}
    assert permission("PermitTransferFrom", single, said) == [("Permit2", FIRST, SECOND, 3, False, True, 8)]
    pay = "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce"
    said = {"from": FIRST, "to": SECOND, "value": 4, "validAfter": 0, "validBefore": 6, "nonce": "0x" + "00" * 32}
    assert permission("TransferWithAuthorization", {"TransferWithAuthorization": pay}, said) == [
        ("EIP-3009", token, SECOND, 4, False, True, 6)
    ]
    assert permission("Permit", {"Permit": "uint256 value"}, {"value": 1}) == [], "another Permit is no permission"


def test_typed_data_that_stands_for_something_else_is_told():
    def told(fields: str, message: dict[str, object]) -> str:
        members = [dict(zip(("type", "name"), field.split(), strict=True)) for field in fields.split(",")]
        text = json.dumps({"types": {"SafeTx": members}, "primaryType": "SafeTx", "domain": {}, "message": message})
        return " ".join(f"{verdict.text}. {verdict.detail}" for verdict in consent.stands_for(parse(text)))

    safe = "address to,uint256 value,bytes data,uint8 operation"
    said = told(safe, {"to": FIRST, "value": 7, "data": "0x1234", "operation": 1})
    assert f"a transaction to {FIRST} with 7 wei and 2 bytes" in said and "code of another contract" in said
    assert "made of hashes alone" in told("bytes32 root", {"root": "0x" + "11" * 32})
    assert told("string words", {"words": "hello"}) == ""


# Plans, on a real chain with the real token


class Kept(Memory):
    """The journal keeps its head there too."""

    async def put(self, name, secret, protected=True):
        self[name] = secret

    def shut(self):
        """There is no passphrase."""

    def close(self):
        """There is no connection."""


@pytest_asyncio.fixture
async def console(tmp_path, node):
    """A console over the node, with the node's own two first accounts; its vault is the smallest that keeps its promises."""
    home = Home(tmp_path / "home").ensure()
    store = SettingsStore(home, {})
    store.load()
    console = Console(home, store)
    console.__dict__["vault"] = Kept()
    await console.start()
    setting = NetworkSetting(id="anvil", name="Anvil", rpc_url=node.url, chain_id=1337, environment="local", confirmations=1)
    await console.networks.add(setting)
    await console.operations.execute((await console.wallets.plan_create("Mine", HARDHAT, accounts=2, labels=("Owner", "Other"))).id)
    yield console
    await console.close()


def permit(token: str, chain_id: int, **changed: object) -> str:
    kinds = ("address owner", "address spender", "uint256 value", "uint256 nonce", "uint256 deadline")
    message = {"owner": FIRST, "spender": SECOND, "value": str(5 * AZR), "nonce": 0, "deadline": 4_000_000_000, **changed}
    return json.dumps(
        {
            "types": {"Permit": [dict(zip(("type", "name"), kind.split(), strict=True)) for kind in kinds]},
            "primaryType": "Permit",
            "domain": {"name": "Azora", "version": "1", "chainId": chain_id, "verifyingContract": token},
            "message": message,
        }
    )


@pytest.mark.asyncio
async def test_a_permit_is_shown_as_what_it_allows_and_the_token_takes_the_signature(console, node):
    deploy = await console.contracts.plan_deploy_economy("anvil", FIRST, attester=SECOND, epoch_length=3600, epoch_budget=AZR)
    assert (await console.operations.execute(deploy.id)).state is PlanState.DONE
    token = (await console.contracts.economy(console.networks.get("anvil").key.text)).token

    plan = await console.wallets.plan_sign_typed("Owner", permit(token, 1337), "anvil")
    verdicts = {verdict.rule: verdict for verdict in plan.preview.verdicts}
    assert verdicts["sign.contract"].text == "The verifying contract is AzoraToken" and verdicts["sign.chain"].level == "pass"
    assert verdicts["sign.permission"].text.startswith("It lets Other take 5.000000000000000000 AZR of Owner, until 2096-10-02")
    allowed = plan.preview.effects[1]
    assert (allowed.kind, allowed.subject, allowed.before, allowed.after) == ("permitted_allowance", SECOND, "0", str(5 * AZR))
    assert dict(plan.preview.calls[0].arguments)["spender"] == SECOND and plan.preview.calls[0].verified
    assert not plan.target.quick, "a signature is looked at, also on a chain of our own"
    other = await console.wallets.plan_sign_typed("Owner", permit(SECOND, 1337), "anvil")
    assert other.preview.calls[0].contract == "Other" and not other.preview.calls[0].verified, "a name is no source"

    before = node("eth_blockNumber")
    ended = await console.operations.execute(plan.id)
    assert ended.state is PlanState.DONE and ended.receipt.matches and node("eth_blockNumber") == before
    made = await console.wallets.signed(plan.id)
    signature = made.signature
    words = [
        FIRST[2:].rjust(64, "0"),
        SECOND[2:].rjust(64, "0"),
        f"{5 * AZR:064x}",
        f"{4_000_000_000:064x}",
        f"{signature[64]:064x}",
    ]
    selector = keccak256(b"permit(address,address,uint256,uint256,uint8,bytes32,bytes32)")[:4].hex()
    data = "0x" + selector + "".join(words) + signature[:64].hex()
    node("eth_sendTransaction", {"from": SECOND, "to": token, "data": data})
    asked = "0xdd62ed3e" + words[0] + words[1]
    assert int(node("eth_call", {"to": token, "data": asked}, "latest"), 16) == 5 * AZR
    told = json.loads(made.to_json())
    assert told["digest"] == plan.params["digest"] and parse(told["typedData"]).digest == made.digest
    assert (await console.wallets.verify_typed(FIRST, told["typedData"], told["signature"])).valid

    plan = await console.wallets.plan_sign_typed("Other", permit(token, 1337, value=str(2**256 - 1), deadline=1), "anvil")
    rules = [verdict.rule for verdict in plan.preview.verdicts]
    assert plan.preview.effects[1].after == "unlimited" and "sign.owner" in rules and "sign.expired" in rules


@pytest.mark.asyncio
async def test_a_domain_of_another_chain_is_refused_and_one_without_a_chain_is_told(console):
    plan = await console.wallets.plan_sign_typed("Owner", json.dumps(MAIL), "anvil")
    verdict = next(verdict for verdict in plan.preview.verdicts if verdict.rule == "sign.chain")
    assert plan.preview.blocked and verdict.text == "The domain names chain 1, but Anvil is chain 1337"
    with pytest.raises(Denied, match="names chain 1"):
        await console.operations.execute(plan.id)
    with pytest.raises(NotFound, match="has no signature"):
        await console.wallets.signed(plan.id)

    def anywhere(data):
        data["domain"].pop("chainId")
        data["types"]["EIP712Domain"].pop(2)

    plan = await console.wallets.plan_sign_typed("Owner", with_(anywhere), "anvil")
    levels = {verdict.rule: verdict.level for verdict in plan.preview.verdicts}
    assert levels["sign.chain"] == "warning" and levels["sign.contract"] == "warning" and not plan.preview.blocked
    with pytest.raises(Invalid, match="Nothing was signed"):
        await console.wallets.plan_sign_typed("Owner", "{}", "anvil")


@pytest.mark.asyncio
async def test_a_message_is_signed_by_a_plan_and_a_watched_account_signs_nothing(console):
    text = "Pay nobody.\n\u202eTrust me"
    plan = await console.operations.execute((await console.wallets.plan_sign_message("Owner", text)).id)
    made = await console.wallets.signed(plan.id)
    assert made.signature == EthAccount.sign_message(encode_defunct(text=text), _key(0)).signature
    assert dict(plan.preview.calls[0].arguments)["text"] == "Pay nobody.\\n\\u202eTrust me"
    assert plan.receipt.matches and plan.steps[0].result["signature"] == "0x" + made.signature.hex()
    assert (await console.wallets.verify_message(FIRST, text, made.signature)).valid
    other = await console.wallets.verify_message(SECOND, text, made.signature)
    assert not other.valid and other.signer == FIRST and FIRST in other.text
    assert not (await console.wallets.verify_message(FIRST, text + ".", made.signature)).valid
    await console.wallets.watch("Seen", keys.checksum(b"\x55" * 20))
    plan = await console.wallets.plan_sign_message("Seen", "hello")
    assert plan.preview.blocked and any("no key for Seen" in verdict.text for verdict in plan.preview.verdicts)


@pytest.mark.asyncio
async def test_a_key_that_does_not_sign_what_was_asked_is_thrown_away(console, monkeypatch):
    plan = await console.wallets.plan_sign_message("Owner", "hello")

    async def another(address: str, said: object, plan_id: str = "") -> bytes:
        return signed(EIP_2098_KEY, said.digest)

    monkeypatch.setattr(console.wallets, "sign_message", another)
    ended = await console.operations.execute(plan.id)
    assert ended.state is PlanState.FAILED and "thrown away" in ended.reason


@pytest.mark.asyncio
async def test_a_contract_answers_for_itself(console, node):
    """EIP-1271: only the magic value in its whole word is a yes; a revert, another word and no contract are a no."""
    contract, digest = keys.checksum(b"\x77" * 20), messages.message("hello").digest
    # if calldata[4:36] is the digest: return 0x1626ba7e left-aligned; else revert
    answers = "631626ba7e60e01b60005260206000f3"
    code = "0x600435" + "7f" + digest.hex() + "14" + "602d57" + "60006000fd" + "5b" + answers
    node("anvil_setCode", contract, code)
    verify = console.wallets.verify_message
    found = await verify(contract, "hello", "0x1234", "anvil")
    assert (
        found.valid
        and found.how == "contract"
        and found.evidence.block_hash == node("eth_getBlockByNumber", "latest", False)["hash"]
    )
    assert not (await verify(contract, "other", "0x1234", "anvil")).valid
    assert "name a network" in (await verify(contract, "hello", "0x1234")).text
    node("anvil_setCode", contract, "0x631626ba7e60005260206000f3")  # right-aligned: some other function's number
    assert not (await verify(contract, "hello", "0x1234", "anvil")).valid
    node("anvil_setCode", contract, "0x")
    assert not (await verify(contract, "hello", "0x" + "11" * 65, "anvil")).valid


def _key(index: int) -> bytes:
    from app.wallets import phrases

    return keys.ExtendedKey.from_seed(phrases.seed_of(HARDHAT)).derive(f"m/44'/60'/0'/0/{index}").key
