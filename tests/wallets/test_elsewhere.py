"""Accounts whose keys are elsewhere: what comes back is sent only if it is, byte for byte, what was asked for.

Real HTTP signers in front of a real chain; one of them lies.
"""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from eth_account import Account

from app.chain.signer import UnsignedTransaction
from app.core.errors import Conflict, ConsoleError, Denied, Invalid, NotFound, Waiting
from app.core.secret import Secret
from app.operations.plans import PlanState
from app.wallets import AccountKind, KeyState, TransferDraft, keys
from app.wallets.signers import RemoteSigner
from tests.wallets.purse import ETHER, NETWORK, Purse, purse
from tests.wallets.signing_peers import ADDRESS, DIALECTS, KEY, LIES, Clef, Failure, Frame, Person, SendingFrame, Web3Signer
from tests.wallets.test_payouts import payee, table
from tests.wallets.test_signers import TYPED

__all__ = ["purse"]
pytestmark = [pytest.mark.node, pytest.mark.asyncio]
RECIPIENT = "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"


def draft(amount: int = ETHER) -> TransferDraft:
    return TransferDraft(NETWORK, ADDRESS, RECIPIENT, amount)


async def until(condition, what: str) -> None:
    """Wait for something that happens by itself."""
    for _ in range(1_500):
        if await condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what} did not happen")


async def state(purse: Purse, plan_id: str, wanted: PlanState) -> None:
    async def there() -> bool:
        return (await purse.operations.get(plan_id)).state is wanted

    await until(there, f"{wanted}")


def sent(node) -> int:
    return int(node("eth_getTransactionCount", ADDRESS, "pending"), 16)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_external_account_pays_through_its_signer(purse, node, dialect):
    node("anvil_setBalance", ADDRESS, hex(10 * ETHER))
    with DIALECTS[dialect]() as peer:
        assert await purse.wallets.signer_accounts(peer.url) == [ADDRESS]
        account = await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        assert (account.kind, account.key_state, account.signer) == (AccountKind.EXTERNAL, KeyState.EXTERNAL, peer.url)
        await purse.done(await purse.wallets.plan_transfer(draft()))
        assert node.balance(RECIPIENT) == ETHER and sent(node) == 1
        signed = await purse.done(await purse.wallets.plan_sign_typed("Hardware", TYPED, NETWORK))
        digest = bytes.fromhex(str(signed.steps[0].result["digest"])[2:])
        assert keys.recover(digest, bytes.fromhex(str(signed.steps[0].result["signature"])[2:])) == ADDRESS
        assert (
            await purse.wallets.signed((await purse.done(await purse.wallets.plan_sign_message("Hardware", "Hi"))).id)
        ).signature
        with pytest.raises(Denied, match="bare digest"):
            await purse.wallets.sign_digest(ADDRESS, b"\1" * 32)


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("kind", [Web3Signer, Clef])
async def test_a_signer_that_lies_is_found_out_and_nothing_is_sent(purse, node, kind, lie):
    node("anvil_setBalance", ADDRESS, hex(10 * ETHER))
    with kind(lie=LIES[lie]) as peer:
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        plan = await purse.operations.execute((await purse.wallets.plan_transfer(draft())).id)
    assert plan.state is PlanState.FAILED and "not what was asked for" in plan.reason
    assert sent(node) == 0 and node.balance(RECIPIENT) == 0
    assert not await purse.transactions.list(purse.networks.get(NETWORK).key.text)


async def test_a_signature_of_another_key_and_a_foreign_account_are_refused(purse, node):
    node("anvil_setBalance", ADDRESS, hex(10 * ETHER))
    with Clef(key="0x" + "43" * 32) as peer:
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        with pytest.raises(NotFound, match="does not offer"):
            await purse.wallets.add_external("Other", RECIPIENT, peer.url)
        plan = await purse.operations.execute((await purse.wallets.plan_transfer(draft())).id)
        assert plan.state is PlanState.FAILED and "sender: asked " + ADDRESS in plan.reason
    assert sent(node) == 0


async def test_a_plan_waits_for_the_person_asks_once_and_goes_on(purse, node):
    node("anvil_setBalance", ADDRESS, hex(10 * ETHER))
    person = Person(may_answer=threading.Event())
    with Frame(person) as peer:
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        plan = await purse.wallets.plan_transfer(draft())
        async with asyncio.TaskGroup() as group:
            running = group.create_task(purse.operations.execute(plan.id))
            await state(purse, plan.id, PlanState.WAITING)
            assert "signer at " + peer.url in (await purse.operations.get(plan.id)).reason
            await asyncio.sleep(1.5)  # the plan looks again meanwhile; the person is not asked again
            person.may_answer.set()
        assert running.result().state is PlanState.DONE
        assert peer.methods().count("eth_signTransaction") == 1
    assert node.balance(RECIPIENT) == ETHER and sent(node) == 1


async def test_a_waiting_plan_can_be_stopped_and_its_nonce_is_free_again(purse, node):
    node("anvil_setBalance", ADDRESS, hex(10 * ETHER))
    person = Person(may_answer=threading.Event())
    with Frame(person) as peer:
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        plan = await purse.wallets.plan_transfer(draft())
        async with asyncio.TaskGroup() as group:
            running = group.create_task(purse.operations.execute(plan.id))
            await state(purse, plan.id, PlanState.WAITING)
            await purse.operations.stop(plan.id)
        assert running.result().state is PlanState.STOPPED
        person.may_answer.set()
        assert sent(node) == 0
        await purse.done(await purse.wallets.plan_transfer(draft(2 * ETHER)))
    assert sent(node) == 1 and node.balance(RECIPIENT) == 2 * ETHER


async def test_each_of_many_signatures_of_a_plan_is_asked_for_once(purse):
    """An attester with a button: a step that wants several looks again and again until it has all."""
    from app.mining.proofs import ValueProof

    proofs = [ValueProof(RECIPIENT, 10**18 + n, b"\1" * 32, b"\2" * 32, 2**40, n.to_bytes(32)) for n in range(3)]
    person = Person(may_answer=threading.Event())
    with Clef(person) as peer:
        person.may_answer.set()
        await purse.wallets.add_external("Attester", ADDRESS, peer.url)
        person.may_answer.clear()
        plan = await purse.wallets.plan_sign_message("Attester", "stands for the plan")

        async def attest():
            found = []
            for proof in proofs:
                text, digest = proof.typed_text(1337, RECIPIENT), proof.digest(1337, RECIPIENT)
                found.append((digest, await purse.wallets.sign_typed_text(ADDRESS, text, digest, plan.id)))
            return found

        with pytest.raises(Waiting):
            await attest()
        person.may_answer.set()
        signed = await attest()
        assert await attest() == signed and peer.methods().count("account_signTypedData") == 3
        assert all(keys.recover(digest, signature) == ADDRESS for digest, signature in signed)
        with pytest.raises(Conflict, match="not what would be signed"):
            await purse.wallets.sign_typed_text(ADDRESS, proofs[0].typed_text(195, RECIPIENT), signed[0][0])
        await purse.operations.discard(plan.id)
        assert not purse.wallets._asking


async def test_a_refusal_fails_the_plan_in_the_words_of_the_signer(purse, node):
    node("anvil_setBalance", ADDRESS, hex(10 * ETHER))
    with Frame(Person(agrees=False)) as peer:
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        plan = await purse.operations.execute((await purse.wallets.plan_transfer(draft())).id)
    assert plan.state is PlanState.FAILED and "refused (User declined transaction)" in plan.reason and sent(node) == 0


async def test_frame_signs_and_sends_in_one_act_and_pays_once(purse, node):
    """What it sent has, byte for byte, the hash of what was previewed; the console's own sending of it changes nothing."""
    node("anvil_setBalance", ADDRESS, hex(10 * ETHER))
    with SendingFrame(node) as peer:
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        plan = await purse.operations.execute((await purse.wallets.plan_transfer(draft())).id)
        assert plan.state is PlanState.DONE and plan.receipt.matches, plan.reason
        assert peer.methods().count("eth_sendTransaction") == 1
    assert node.balance(RECIPIENT) == ETHER and sent(node) == 1


@pytest.mark.parametrize(("lie", "named"), [("other value", "value"), ("dearer", "maxFeePerGas"), ("other recipient", "to")])
async def test_what_frame_changed_before_it_sent_is_named_and_not_paid_again(purse, node, lie, named):
    node("anvil_setBalance", ADDRESS, hex(10 * ETHER))
    with SendingFrame(node, lie=LIES[lie]) as peer:
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        plan = await purse.operations.execute((await purse.wallets.plan_transfer(draft())).id)
        assert plan.state is PlanState.FAILED
        assert f"sent another transaction than was asked for ({named})" in plan.reason and "cannot be taken back" in plan.reason
    assert sent(node) == 1


async def test_what_frame_sent_before_a_restart_is_not_sent_again(purse, node):
    node("anvil_setBalance", ADDRESS, hex(10 * ETHER))
    with SendingFrame(node) as peer:
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        plan = await purse.wallets.plan_transfer(draft())

        def sends_and_hangs_up(fields):
            peer.node("eth_sendRawTransaction", peer.honest(fields))
            raise Failure(-32000, "the wallet was closed")

        peer.honest, peer.sign = peer.sign, sends_and_hangs_up
        failed = await purse.operations.execute(plan.id)
        assert failed.state is PlanState.FAILED and sent(node) == 1
        peer.sign = peer.honest
        unsigned = UnsignedTransaction(1337, 0, RECIPIENT, ETHER, b"", 21_000, 3 * 10**9, 10**9)
        with pytest.raises(Conflict, match="with nonce 0 already"):
            await RemoteSigner(peer.url).sign_transaction(ADDRESS, unsigned)
    assert sent(node) == 1


async def again(purse: Purse, folder: Path) -> Purse:
    """The same console, started anew."""
    await purse.close()
    fresh = Purse(folder, purse.url)
    await fresh.database.open()
    await fresh.networks.load()
    return fresh


async def test_after_a_restart_the_same_bytes_are_asked_for(tmp_path, node):
    node("anvil_setBalance", ADDRESS, hex(10 * ETHER))
    purse = await Purse(tmp_path / "home", node.url).open(accounts=0)
    person = Person(may_answer=threading.Event())
    with Web3Signer(person) as peer:
        peer.answer = _patient(peer, peer.answer)
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        plan = await purse.wallets.plan_transfer(draft())
        purse.jobs.quietly("run", lambda: purse.operations.execute(plan.id), endless=True)
        await state(purse, plan.id, PlanState.WAITING)
        purse = await again(purse, tmp_path / "home")
        node("anvil_setNextBlockBaseFeePerGas", hex(15 * 10**8))
        node.mine()  # other fees by now: what was given out does not change
        purse.jobs.quietly("recover", purse.operations.recover, endless=True)

        async def twice() -> bool:
            return peer.methods().count("eth_signTransaction") == 2

        await until(twice, "the second question")
        person.may_answer.set()
        await state(purse, plan.id, PlanState.DONE)
        first, second = (params for method, params in peer.asked if method == "eth_signTransaction")
        assert first == second
    assert sent(node) == 1 and node.balance(RECIPIENT) == ETHER
    await purse.close()


def _patient(peer, answer):
    """Web3Signer asks nobody by itself; here a proxy in front of it does."""

    def wait(method, params):
        if method == "eth_signTransaction":
            peer.person.decide(-32000, "request denied")
        return answer(method, params)

    return wait


# By hand


@pytest.fixture
def offline(house):
    """A console without a network that holds the key."""

    async def make():
        await house.plans.carry_out(await house.wallets.plan_import_key("Cold", Secret(KEY)))
        return house

    return make


async def waiting(purse: Purse, node) -> str:
    """A transfer of a watched account that waits to be signed by hand; the id of its plan."""
    node("anvil_setBalance", ADDRESS, hex(10 * ETHER))
    await purse.wallets.watch("Cold", ADDRESS)
    plan = await purse.operations.execute((await purse.wallets.plan_transfer(draft())).id)
    assert (plan.state, plan.reason) == (PlanState.WAITING, "Waits for a signature from another console.")
    return plan.id


async def test_a_transfer_is_signed_by_hand_on_a_console_without_a_network(tmp_path, node, offline):
    cold = await offline()
    purse = await Purse(tmp_path / "home", node.url).open(accounts=0)
    plan_id = await waiting(purse, node)
    text = await purse.wallets.hand_request(plan_id)
    purse = await again(purse, tmp_path / "home")
    assert [plan.state for plan in await purse.operations.recover()] == [PlanState.WAITING]
    assert json.loads(await purse.wallets.hand_request(plan_id)) == json.loads(text)
    request = await cold.wallets.read_request(text)
    assert request.sender == ADDRESS and any("Sends 1.000000000000000000" in line for line in request.words)
    back = await cold.wallets.sign_request(text, "Cold")
    assert cold.access.journal == [
        ("request.signed", {"account": ADDRESS, "digest": request.digest, "chain_id": "1337", "plan": request.plan})
    ]
    node("anvil_setBalance", ADDRESS, hex(11 * ETHER))  # money came in meanwhile: no reason to sign again
    done = await purse.wallets.offer_signed(plan_id, back)
    assert done.state is PlanState.DONE and node.balance(RECIPIENT) == ETHER and sent(node) == 1
    assert done.steps[0].result["hash"] == json.loads(back)["hash"]
    with pytest.raises(NotFound, match="waits for no signature"):
        await purse.wallets.offer_signed(plan_id, back)
    await purse.close()


async def test_what_another_program_signed_is_taken_as_bare_hex(purse, node):
    plan_id = await waiting(purse, node)
    fields = json.loads(await purse.wallets.hand_request(plan_id))["transaction"]
    signed = Account.sign_transaction(
        {
            "chainId": 1337,
            "nonce": int(fields["nonce"]),
            "to": fields["to"],
            "value": int(fields["value"]),
            "gas": int(fields["gas"]),
            "maxFeePerGas": int(fields["maxFeePerGas"]),
            "maxPriorityFeePerGas": int(fields["maxPriorityFeePerGas"]),
        },
        KEY,
    )
    assert (await purse.wallets.offer_signed(plan_id, "0x" + signed.raw_transaction.hex() + "\n")).state is PlanState.DONE


CHANGES = {
    "to": "0x" + "66" * 20,
    "nonce": "5",
    "value": "1",
    "data": "0xab",
    "gas": "99999",
    "maxFeePerGas": str(10**12),
    "chainId": "195",
}


@pytest.mark.parametrize("field", CHANGES)
async def test_a_changed_request_or_signature_is_refused_and_the_plan_still_waits(purse, node, offline, field):
    from app.wallets import byhand

    cold = await offline()
    plan_id = await waiting(purse, node)
    body = json.loads(await purse.wallets.hand_request(plan_id))
    body["transaction"][field] = CHANGES[field]
    with pytest.raises(Invalid, match="changed on its way"):
        await cold.wallets.sign_request(json.dumps(body))
    # Somebody who also makes the digest fit gets a signature, but not past the comparison.
    body["digest"] = byhand.digest_of([byhand._unsigned(body["transaction"])])
    with pytest.raises(Conflict, match="not what was asked for"):
        await purse.wallets.offer_signed(plan_id, await cold.wallets.sign_request(json.dumps(body)))
    plan = await purse.operations.get(plan_id)
    assert plan.state is PlanState.WAITING and sent(node) == 0


async def test_a_used_nonce_and_a_plan_that_would_fail_are_told_before_anything_is_sent(purse, node, offline):
    cold = await offline()
    plan_id = await waiting(purse, node)
    back = await cold.wallets.sign_request(await purse.wallets.hand_request(plan_id))
    before = node("evm_snapshot")
    node("anvil_setNonce", ADDRESS, hex(1))
    with pytest.raises(Conflict, match="Nonce 0 .* was used"):
        await purse.wallets.offer_signed(plan_id, back)
    node("evm_revert", before)
    node("anvil_setBalance", ADDRESS, hex(1))
    with pytest.raises(ConsoleError):  # it would fail now
        await purse.wallets.offer_signed(plan_id, back)
    assert (await purse.operations.get(plan_id)).state is PlanState.WAITING and sent(node) == 0
    assert (await purse.operations.stop(plan_id)).state is PlanState.STOPPED
    with pytest.raises(NotFound):
        await purse.wallets.hand_request(plan_id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "0x",
        "0xzz",
        "[]",
        '{"kind": "azora-signing-request", "version": 2}',
        "[" * 1000,
        '{"kind": 5}',
        "0x" + "00" * 400_000,
    ],
)
async def test_what_is_no_request_is_refused_in_a_sentence(house, text):
    with pytest.raises(Invalid, match="signed"):
        await house.wallets.sign_request(text)


async def test_a_role_that_may_not_confirm_does_not_sign_by_hand(purse, node, offline):
    cold = await offline()
    text = await purse.wallets.hand_request(await waiting(purse, node))
    with pytest.raises(Denied, match="asks for"):
        await cold.wallets.sign_request(text, RECIPIENT)
    cold.access.role_refuses = "Auditors may plan and preview, but not confirm."
    with pytest.raises(Denied, match="Auditors"):
        await cold.wallets.sign_request(text)
    assert not cold.access.journal


async def test_a_production_network_of_that_chain_id_decides_who_may_sign_by_hand(purse, node, offline):
    cold = await offline()
    text = await purse.wallets.hand_request(await waiting(purse, node))
    known = SimpleNamespace(chain_id=1337, target=lambda: SimpleNamespace(name="Azora", environment="production"))
    cold.wallets._networks = SimpleNamespace(list=lambda: [known])
    cold.access.may = lambda roles, target: "Developers may not." if target.environment == "production" else ""
    with pytest.raises(Denied, match="Developers may not"):
        await cold.wallets.sign_request(text)


# Many at once


async def payout(purse: Purse, rows: int = 5) -> str:
    """A payout of the account that signs elsewhere; the id of its plan."""
    text = table([(payee(number), number + 1, "") for number in range(rows)])
    return (await purse.wallets.plan_payout(await purse.wallets.check_payout(NETWORK, ADDRESS, text))).id


def paid(node, rows: int = 5) -> list[int]:
    return [node.balance(payee(number)) // ETHER for number in range(rows)]


@pytest.mark.parametrize("dialect", [Web3Signer, Clef])
async def test_a_payout_is_signed_by_a_signer_row_by_row_and_sent_once_all_are_there(purse, node, dialect):
    node("anvil_setBalance", ADDRESS, hex(100 * ETHER))
    with dialect() as peer:
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        plan = await purse.operations.get(await payout(purse))
        assert [v.text for v in plan.preview.verdicts if v.rule == "wallets.key"] == [
            f"The signer at {peer.url} is asked for 5 signatures, one after the other"
        ]
        ended = await purse.operations.execute(plan.id)
        assert ended.state is PlanState.DONE, ended.reason
        assert sum("ignTransaction" in method for method in peer.methods()) == 5
    assert ended.receipt.matches and paid(node) == [1, 2, 3, 4, 5]
    assert {row.state.value for row in await purse.wallets.payout_rows(plan.id)} == {"paid"}


async def test_a_signer_that_lies_about_one_of_many_has_nothing_sent(purse, node):
    node("anvil_setBalance", ADDRESS, hex(100 * ETHER))
    with Web3Signer(lie=LIES["other value"]) as peer:
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        plan = await purse.operations.execute(await payout(purse))
    assert plan.state is PlanState.FAILED and "not what was asked for" in plan.reason
    assert sent(node) == 0 and paid(node) == [0] * 5


async def test_frame_is_not_asked_for_many_because_it_sends_what_it_signs(purse, node):
    node("anvil_setBalance", ADDRESS, hex(100 * ETHER))
    with SendingFrame(node) as peer:
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        plan = await purse.operations.execute(await payout(purse))
        assert plan.state is PlanState.FAILED and "Frame signs and sends in one act" in plan.reason
        assert "eth_sendTransaction" not in peer.methods()
    assert sent(node) == 0


async def test_after_a_restart_a_signer_is_asked_only_for_what_it_did_not_sign(tmp_path, node):
    """Each answer is kept at once: a person presses the button once for each payment."""
    node("anvil_setBalance", ADDRESS, hex(100 * ETHER))
    purse = await Purse(tmp_path / "home", node.url).open(accounts=0)
    person = Person(may_answer=threading.Event())
    with Web3Signer(person) as peer:
        peer.answer = _patient(peer, peer.answer)
        await purse.wallets.add_external("Hardware", ADDRESS, peer.url)
        plan_id = await payout(purse)
        purse.jobs.quietly("run", lambda: purse.operations.execute(plan_id), endless=True)
        await state(purse, plan_id, PlanState.WAITING)
        requests = await purse.transactions.requests.of_step(plan_id, 0)
        raws = [bytes(Account.sign_transaction(fields_of(each.unsigned), KEY).raw_transaction) for each in requests]
        pairs = list(zip(requests, raws, strict=True))
        await purse.transactions.requests.answer([(request.task, raw) for request, raw in pairs[:3]])
        purse = await again(purse, tmp_path / "home")
        asked = peer.methods().count("eth_signTransaction")
        person.may_answer.set()
        purse.jobs.quietly("recover", purse.operations.recover, endless=True)
        await state(purse, plan_id, PlanState.DONE)
        assert peer.methods().count("eth_signTransaction") - asked == 2
    assert paid(node) == [1, 2, 3, 4, 5] and sent(node) == 5
    await purse.close()


def fields_of(unsigned: UnsignedTransaction) -> dict[str, object]:
    """As eth-account takes them."""
    return {
        "chainId": unsigned.chain_id,
        "nonce": unsigned.nonce,
        "to": unsigned.to,
        "value": unsigned.value,
        "gas": unsigned.gas_limit,
        "maxFeePerGas": unsigned.max_fee_per_gas,
        "maxPriorityFeePerGas": unsigned.max_priority_fee_per_gas,
    }


async def test_a_payout_is_carried_to_another_console_and_back_as_one_file(tmp_path, node, offline):
    cold = await offline()
    purse = await Purse(tmp_path / "home", node.url).open(accounts=0)
    node("anvil_setBalance", ADDRESS, hex(100 * ETHER))
    await purse.wallets.watch("Cold", ADDRESS)
    plan = await purse.operations.execute(await payout(purse))
    assert (plan.state, plan.reason) == (PlanState.WAITING, "Waits for a signature from another console.")
    text = await purse.wallets.hand_request(plan.id)
    purse = await again(purse, tmp_path / "home")
    await purse.operations.recover()
    assert json.loads(await purse.wallets.hand_request(plan.id)) == json.loads(text), "the same bytes are asked for again"
    request = await cold.wallets.read_request(text)
    assert len(request.transactions) == 5 and request.words[0].startswith(f"5 transactions from {ADDRESS}, nonces 0 to 4")
    assert request.words[1].startswith("Together they send 15.000000000000000000 of the native coin")
    back = await cold.wallets.sign_request(text, "Cold")
    assert cold.access.journal[0][1]["transactions"] == "5"
    answer = json.loads(back)
    swapped = {**answer, "signed": [answer["signed"][1], answer["signed"][0], *answer["signed"][2:]]}
    with pytest.raises(Conflict, match=r"Transaction 1 of 5: .*nonce"):
        await purse.wallets.offer_signed(plan.id, json.dumps(swapped))
    with pytest.raises(Conflict, match="waits for 5 signed transactions, and this holds 4"):
        await purse.wallets.offer_signed(plan.id, json.dumps({**answer, "signed": answer["signed"][:4]}))
    assert sent(node) == 0
    done = await purse.wallets.offer_signed(plan.id, "\n".join(each["raw"] for each in answer["signed"]))
    assert done.state is PlanState.DONE, done.reason
    assert paid(node) == [1, 2, 3, 4, 5] and sent(node) == 5
    assert {row.tx_hash for row in await purse.wallets.payout_rows(plan.id)} == {each["hash"] for each in answer["signed"]}
    await purse.close()


async def test_a_long_list_is_read_whole_from_its_file(tmp_path):
    """4,000 payments are more than a mebibyte of text, there and back."""
    from app.cli.elsewhere import _given
    from app.cli.keys import read_file
    from app.wallets import byhand

    many = [UnsignedTransaction(1337, nonce, payee(1), 1, b"", 21_000, 10**10, 10**9) for nonce in range(4_000)]
    text = byhand.request_text("PLN-0001", "Pay", "Local", ADDRESS, many)
    (tmp_path / "request").write_text(text)
    assert len(text) > 2**20 and byhand.read_request(_given(str(tmp_path / "request"))).transactions == tuple(many)
    with pytest.raises(Invalid, match="more than 100 bytes"):
        read_file(str(tmp_path / "request"), 100)


async def test_a_list_that_contradicts_itself_is_not_signed(tmp_path, node, offline):
    cold = await offline()
    purse = await Purse(tmp_path / "home", node.url).open(accounts=0)
    node("anvil_setBalance", ADDRESS, hex(100 * ETHER))
    await purse.wallets.watch("Cold", ADDRESS)
    plan = await purse.operations.execute(await payout(purse, 2))
    body = json.loads(await purse.wallets.hand_request(plan.id))
    first, second = body["transactions"]
    for wrong in ([], [first, first], [second, first], [first, {**second, "chainId": "1"}], [first, {**second, "value": "7"}]):
        with pytest.raises(Invalid):
            await cold.wallets.sign_request(json.dumps({**body, "transactions": wrong}))
    assert cold.access.journal == []
    await purse.operations.stop(plan.id)
    assert await purse.transactions.reserved(purse.networks.get(NETWORK).key.text, ADDRESS) == set(), "its nonces are free again"
    await purse.close()
