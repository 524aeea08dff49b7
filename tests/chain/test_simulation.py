"""What a preview shows is what happens, for everybody, whichever way a node lets it be computed; and why it would fail is told."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.chain import CallRequest, Erc20, Names, Watch
from app.chain.effects import labelled, measured, text_of
from app.chain.hashing import created_address, keccak256
from app.chain.reasons import ERROR, PANIC, reason
from app.chain.simulation import METHODS, Simulation
from app.chain.simulators import _logs
from app.core.errors import Unavailable
from tests.chain.misbehaving import Altered
from tests.chain.world import OneNetwork, World, compiled

pytestmark = [pytest.mark.node, pytest.mark.compiler]
COIN = 10**18
GAS_TOLERANCE = 0.002  # calls are exact; a creation is tried from within a contract where eth_simulateV1 cannot create


@pytest.fixture(scope="module")
def built():
    return compiled()


@pytest.fixture
def world(node, chain_of, built) -> World:
    return World(node, chain_of(node.url, symbol="ETH"), built)


def seen(effects) -> list[tuple[str, ...]]:
    return [(effect.kind, effect.subject, effect.before, effect.after, effect.unit) for effect in effects]


def _plain(logs) -> list[tuple[str, ...]]:
    return [(log["address"].lower(), *log["topics"], log["data"]) for log in logs]


def cases(world: World) -> dict[str, list[CallRequest]]:
    """Everything that a plan may do."""
    role = keccak256(b"MINTER_ROLE")
    nonce = int(world.node("eth_getTransactionCount", world.me, "latest"), 16)
    made = created_address(world.me, nonce)
    return {
        "coin": [CallRequest(world.me, world.other, "0x", 5)],
        "coin to oneself": [CallRequest(world.me, world.me, "0x", 5)],
        "coin inside": [world.call("forward", world.other, world.third, value=1000)],
        "transfer": [world.call("transfer", world.other, 100)],
        "approve": [world.call("approve", world.other, 77)],
        "allowance spent": [
            world.call("approve", world.probe, 500),
            world.call("pull", world.token, world.me, world.other, 300, sender=world.third),
        ],
        "transferFrom": [
            world.call("approve", world.other, 2**256 - 1),
            world.call("approve", world.third, 60),
            world.call("transferFrom", world.me, world.other, 40, sender=world.third),
        ],
        "role and mint": [
            world.call("grantRole", role, world.other),
            world.call("mint", world.third, 9, sender=world.other),
            world.call("renounceRole", role, world.other, sender=world.other),
            world.call("grantRole", role, world.third),
        ],
        "much data": [CallRequest(world.me, world.other, "0x" + "ab" * 5000 + "00" * 5000)],
        "burn": [world.call("burn", 400)],
        "ownership": [world.call("transferOwnership", world.other)],
        "created": [
            CallRequest(world.me, None, world.creation("Token", "NEW")),
            world.call("transfer", world.other, 12, to=made),
            world.call("spawn", "KID", value=3, sender=world.other, to=world.probe),
        ],
        "created with coin": [CallRequest(world.me, None, "0x60006000f3", 5), CallRequest(world.me, world.other, "0x", 1)],
        "caught inside": [world.call("transfer", world.probe, 50), world.call("tries", world.token, world.other)],
        "cleared, then needed": [
            world.call("clear"),
            world.call("onlyWhenCleared"),
            world.call("forward", world.other, world.third),
        ],
        "one fails, others do not": [
            world.call("transfer", world.other, 1),
            world.call("transfer", world.other, 10**30),
            world.call("transfer", world.other, 2),
        ],
    }


CASES = (
    "coin", "coin to oneself", "coin inside", "transfer", "approve", "allowance spent", "transferFrom", "role and mint",
    "much data", "burn", "ownership", "created", "created with coin",
    "caught inside", "cleared, then needed", "one fails, others do not",
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.asyncio
async def test_three_ways_say_the_same_and_it_is_what_happens(world, case):
    """Each way that can against the others, and all of them against the chain after the calls were carried out."""
    calls = cases(world)[case]
    tried = await world.everywhere(calls)
    assert [simulated.method.removesuffix(" on proven state") for simulated in tried.values()] == list(tried)
    expected = tried["pyrevm"]
    for simulated in tried.values():
        assert simulated.effects == expected.effects, simulated.method
        assert simulated.errors == expected.errors and simulated.created == expected.created
        assert [_plain(logs) for logs in simulated.logs] == [_plain(logs) for logs in expected.logs]
        assert simulated.gas == pytest.approx(expected.gas, rel=GAS_TOLERANCE)
        assert simulated.block_hash == world.node("eth_getBlockByNumber", "latest", False)["hash"]
    first = int(world.node("eth_blockNumber"), 16)
    paid: dict[str, int] = {}
    for call, error, gas in zip(calls, expected.errors, expected.gas, strict=True):
        if error:
            continue
        receipt = world.send(call)
        assert receipt["status"] == "0x1" and int(receipt["gasUsed"], 16) == pytest.approx(gas, rel=GAS_TOLERANCE)
        fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        paid[call.sender] = paid.get(call.sender, 0) + fee
    last = int(world.node("eth_blockNumber"), 16)
    actual = await measured(world.chain.rpc, expected.effects, first, last, {}, "ETH")
    coins = {e.subject: replace(e, after=str(int(e.after) + paid.get(e.subject, 0))) for e in actual if not e.contract}
    native = [effect if effect.contract else coins[effect.subject] for effect in actual]
    assert tuple(native) == expected.effects


@pytest.mark.asyncio
async def test_everybody_is_shown_in_the_order_in_which_they_are_touched(world):
    simulated = await world.simulation(*METHODS).preview("anvil", cases(world)["allowance spent"])
    me, probe, other = world.me, world.probe, world.other
    assert seen(simulated.effects) == [
        ("balance", me, "1000000", "999700", "TKN"),
        ("balance", probe, "0", "150", "TKN"),
        ("balance", other, "0", "150", "TKN"),
        ("allowance", f"{me}→{probe}", "0", "200", "TKN"),
    ]
    assert {effect.contract for effect in simulated.effects} == {world.token}
    assert {effect.decimals for effect in simulated.effects} == {6}
    named = labelled(simulated.effects, {me: "Treasury", probe: "Router"})
    assert [effect.label for effect in named] == ["Treasury", "Router", "", "Treasury → Router"]


@pytest.mark.asyncio
async def test_an_allowance_that_is_only_spent_is_an_effect(world):
    world.send(world.call("approve", world.probe, 500))
    tried = await world.everywhere([world.call("pull", world.token, world.me, world.other, 300, sender=world.third)])
    for simulated in tried.values():
        assert ("allowance", f"{world.me}→{world.probe}", "500", "200", "TKN") in seen(simulated.effects)


@pytest.mark.asyncio
async def test_roles_are_named_and_told_by_contract(world):
    simulated = await world.simulation(*METHODS).preview(
        "anvil", cases(world)["role and mint"], watch=Watch(names={world.token: "Token of tests"})
    )
    roles = [(effect.subject, effect.before, effect.after) for effect in simulated.effects if effect.kind == "role"]
    assert roles == [(world.third, "", "MINTER_ROLE on Token of tests")], "a role that is given and taken back changes nothing"
    assert ("supply", world.token, "1000000", "1000009", "TKN") in seen(simulated.effects)
    owner = await world.simulation(*METHODS).preview("anvil", cases(world)["ownership"])
    assert [(effect.subject, effect.before, effect.after) for effect in owner.effects] == [
        (world.me, f"owner of {world.probe}", ""),
        (world.other, "", f"owner of {world.probe}"),
    ]


@pytest.mark.asyncio
async def test_a_token_cannot_pass_for_another_or_for_the_coin(world):
    fake, coin, odd = world.create("Token", "TKN"), world.create("Token", "eth"), world.create("Token", "\u202eXYZ\n" + "A" * 99)
    calls = [world.call("transfer", world.other, 5, to=token) for token in (fake, coin, odd)]
    watch = Watch(tokens=[Erc20(world.token, "TKN", 6)], accounts=[world.me])
    simulated = await world.simulation(*METHODS).preview("anvil", calls, watch=watch)
    by_contract = {effect.contract: effect.unit for effect in simulated.effects}
    assert by_contract[fake] == f"TKN {fake[:8]}…{fake[-6:]}" and by_contract[coin] == f"eth {coin[:8]}…{coin[-6:]}"
    assert by_contract[odd] == "XYZ" + "A" * 21 or by_contract[odd].startswith("XYZA")
    assert not any(effect.unit == "TKN" for effect in simulated.effects), "nothing of the watched token moved"


FAILURES = {
    "custom": "Refused(who: {me}, amount: 7, role: MINTER_ROLE)",
    "worded": "no, thank you",
    "empty": "it reverts without a reason",
    "unknown": "unknown error 0x12345678",
    "overflows": "panic 0x11: arithmetic over- or underflow",
    "divides": "panic 0x12: division by zero",
    "asserts": "panic 0x01: an assertion failed",
    "burns": "it runs out of gas",
    "invalid": "the contract runs into an invalid instruction",
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.asyncio
async def test_why_it_fails_is_told_in_the_same_words(world, name):
    arguments = {"overflows": [8], "divides": [0]}.get(name, [])
    call = world.call(name, *arguments)
    expected = FAILURES[name].format(me=world.me)
    whole = await world.simulation(*METHODS).preview("anvil", [call])
    assert whole.error == expected and whole.effects == ()
    for method in ("debug_traceCall", "pyrevm"):
        assert (await world.only[method].preview("anvil", [call])).error == expected, method


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("mint", (1,), "AccessControlUnauthorizedAccount(account: {other}, neededRole: MINTER_ROLE)"),
        ("transfer", (7,), "ERC20InsufficientBalance(sender: {other}, balance: 0, needed: 7)"),
    ],
)
@pytest.mark.asyncio
async def test_errors_of_the_standards_are_known_without_an_abi(world, name, arguments, said):
    call = world.call(name, world.third, *arguments, sender=world.other)
    bare = Simulation(networks=OneNetwork(world.chain))  # type: ignore[arg-type]
    assert (await bare.preview("anvil", [call])).cause == said.format(other=world.other)


@pytest.mark.asyncio
async def test_what_a_token_refuses_is_told_with_its_unit_and_by_the_names_of_accounts(world):
    simulation = Simulation(networks=OneNetwork(world.chain))  # type: ignore[arg-type]

    async def names(_: object) -> Names:
        return Names({world.other: "Till"})

    simulation.names_of = names
    till = f"Till ({world.other[:6]}…{world.other[-4:]})"
    calls = {
        world.call("transfer", world.third, 1_234_500_000, sender=world.other): (
            f"{till} holds 0 TKN, and 1,234.5 TKN would be taken (ERC20InsufficientBalance)"
        ),
        world.call("transferFrom", world.me, world.third, 70, sender=world.other): (
            f"{till} is allowed to take 0 TKN, and 0.00007 TKN would be taken (ERC20InsufficientAllowance)"
        ),
        world.call("mint", world.third, 1, sender=world.third): (
            f"{world.third} does not hold the role MINTER_ROLE (AccessControlUnauthorizedAccount)"
        ),
        # The token under the probe refuses: in whose unit it counts is not known, and is not guessed.
        world.call("pull", world.token, world.me, world.other, 300, sender=world.third, to=world.probe): (
            f"{world.probe} is allowed to take 0, and 300 would be taken, in the token's smallest unit (ERC20InsufficientAllowance)"
        ),
    }
    simulated = await simulation.preview("anvil", list(calls))
    assert list(simulated.errors) == list(calls.values())
    assert simulated.error == simulated.errors[0]
    assert simulated.cause == f"ERC20InsufficientBalance(sender: {world.other}, balance: 0, needed: 1234500000)"


@pytest.mark.asyncio
async def test_a_sender_without_coin_is_told_so_in_every_way(world):
    poor = "0x" + "99" * 20
    calls = [CallRequest(poor, world.other, "0x", 5, "Pay"), CallRequest(world.me, world.other, "0x", 6, "Pay too")]
    for methods in (METHODS, ("debug_traceCall",), ("pyrevm",)):
        simulated = await world.simulation(*methods).preview("anvil", calls)
        assert simulated.error == "Pay: the sender holds too little of the native coin for it"
        assert simulated.errors[1] == "" and len(simulated.effects) == 2


@pytest.mark.asyncio
async def test_time_is_that_of_the_next_block_whatever_clock_the_chain_has(world):
    """Not that of the simulation's own making: anvil's begins in 1970."""
    for jump in (0, 10**6):
        world.node("evm_increaseTime", jump)
        pending = int(world.node("eth_getBlockByNumber", "pending", False)["timestamp"], 16)
        for method, simulated in (await world.everywhere([world.call("early", pending), world.call("late", pending + 60)])).items():
            assert simulated.error == "", method
        refused = await world.everywhere([world.call("late", pending - 1)])
        assert {simulated.error for simulated in refused.values()} == {"too late"}


@pytest.mark.parametrize(
    ("hidden", "method"),
    [
        ((), "eth_simulateV1"),
        (("eth_simulateV1",), "debug_traceCall"),
        (("eth_simulateV1", "debug_traceCall"), "pyrevm on proven state"),
        (("eth_simulateV1", "debug_traceCall", "eth_createAccessList", "eth_getProof"), "pyrevm"),
    ],
)
@pytest.mark.asyncio
async def test_a_poorer_node_is_served_by_the_next_way_and_not_asked_again(world, chain_of, hidden, method):
    async with Altered(world.node.url, hidden=hidden) as poorer:
        world.chain = chain_of(poorer.url)
        simulation = world.simulation(*METHODS)
        for _ in range(2):
            simulated = await simulation.preview("anvil", cases(world)["role and mint"])
            assert simulated.method == method and len(simulated.effects) == 3
        assert all(poorer.asked[name] <= (1 if name in METHODS else 99) * 2 for name in hidden)
        assert poorer.asked["eth_simulateV1"] <= (1 if "eth_simulateV1" in hidden else 9)


@pytest.mark.asyncio
async def test_what_cannot_be_tried_is_not_made_up(world):
    only = world.simulation("pyrevm")
    with pytest.raises(Unavailable, match="could not be simulated .* hash of an earlier block, which cannot be pulled"):
        await only.preview("anvil", [world.call("hashes")])
    assert (await world.simulation(*METHODS).preview("anvil", [world.call("hashes")])).error == ""


@pytest.mark.asyncio
async def test_a_sequence_of_hundreds_is_one_preview(world):
    """A payout: each way that takes it sums it up the same."""
    rows = [f"0x{n:040x}" for n in range(0x1000, 0x1000 + 300)]
    calls = [world.call("transfer", row, n + 1) for n, row in enumerate(rows)]
    one = await world.simulation("eth_simulateV1").preview("anvil", calls)
    other = await world.simulation("debug_traceCall", "pyrevm").preview("anvil", calls)
    assert (one.method, other.method) == ("eth_simulateV1", "pyrevm"), "too long a sequence to prove the state of each account"
    assert one.effects == other.effects and len(one.effects) == 301 and one.error == other.error == ""


class Hanging(Altered):
    """A node that has accounts, but never comes back with their code."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if b"eth_getCode" in await request.read():
            await asyncio.sleep(30)
        return await super().answer(request)


@pytest.mark.asyncio
async def test_a_simulation_that_hangs_can_be_given_up_and_leaves_nothing(world, chain_of):
    async with Hanging(world.node.url, hidden=("eth_simulateV1", "debug_traceCall")) as slow:
        world.chain = chain_of(slow.url)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await world.simulation(*METHODS).preview("anvil", cases(world)["role and mint"])
    for thread in threading.enumerate():
        if thread.name.startswith("simulation"):
            thread.join(10)
            assert not thread.is_alive()


@pytest.mark.asyncio
async def test_a_reorganisation_in_mid_flow_is_simulated_again(world, chain_of):
    """What stands on a block that is gone is not shown."""
    calls = cases(world)["transfer"]
    world.node.mine(3)
    gone = world.node("eth_getBlockByNumber", "latest", False)

    class Reorganising(Altered):
        async def answer(self, request: web.Request) -> web.StreamResponse:
            said = await super().answer(request)
            if self.asked["eth_simulateV1"] == 2 and world.node("eth_getBlockByNumber", "latest", False)["hash"] == gone["hash"]:
                world.node("anvil_reorg", 2, [])
            return said

    async with Reorganising(world.node.url) as moving:
        world.chain = chain_of(moving.url)
        simulated = await world.simulation(*METHODS).preview("anvil", calls)
    now = world.node("eth_getBlockByNumber", "latest", False)
    assert now["hash"] != gone["hash"] and simulated.block_hash == now["hash"]


GARBAGE = [
    None,
    "0x",
    [],
    [{}],
    [{"calls": [{"status": "0x1", "logs": [{"address": "0x12", "topics": [], "data": "0x"}]}]}],
    [{"calls": [{"status": "0x1", "returnData": "words", "logs": []}]}],
    [{"calls": [{"status": "0x1", "gasUsed": "much", "logs": None}]}],
    [{"calls": [{"status": "yes"}]}],
    {"pre": {"0x" + "11" * 20: {"balance": "x"}}, "post": {"0x" + "11" * 20: {"balance": "x"}}},
    {"pre": 5, "post": {"a": 1}},
    {"gasUsed": "0x1", "logs": [{"address": None, "topics": ["0x1"]}], "calls": 7},
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
@pytest.mark.asyncio
async def test_a_node_that_answers_nonsense_is_not_believed(world, chain_of, garbage):
    answers = dict.fromkeys(("eth_simulateV1", "debug_traceCall", "eth_createAccessList"), garbage)
    async with Altered(world.node.url, answers) as liar:
        world.chain = chain_of(liar.url)
        simulated = await world.simulation(*METHODS).preview("anvil", cases(world)["transfer"])
    assert simulated.method == "pyrevm on proven state" and len(simulated.effects) == 2


@pytest.mark.parametrize("lie", ["balance", "code", "slot"])
@pytest.mark.asyncio
async def test_a_node_whose_state_does_not_fit_its_block_is_refused(world, chain_of, lie):
    """It gives proofs, so it can be held to them: a richer sender, another code, a larger balance of a token."""

    class Lying(Altered):
        async def answer(self, request: web.Request) -> web.StreamResponse:
            said = await super().answer(request)
            body = json.loads(said.text)
            for entry in body if isinstance(body, list) else [body]:
                result = entry.get("result")
                if lie == "code" and isinstance(result, str) and len(result) > 1000:
                    entry["result"] = result[:-2] + "00"
                elif isinstance(result, dict) and "accountProof" in result:
                    if lie == "balance":
                        result["balance"] = hex(10**30)
                        result["accountProof"] = result["accountProof"][:-1]
                    elif lie == "slot" and result["storageProof"]:
                        for slot in result["storageProof"]:
                            slot["proof"] = slot["proof"][:-1]
            return web.json_response(body)

    async with Lying(world.node.url, hidden=("eth_simulateV1", "debug_traceCall")) as liar:
        world.chain = chain_of(liar.url, environment="production")
        with pytest.raises(Unavailable, match=r"could not be simulated .* does not fit its block .* Nothing was signed"):
            await world.simulation(*METHODS).preview("anvil", cases(world)["transfer"])
        if lie != "code":  # where state may be set between blocks, what is told is believed and not called proven
            world.chain = chain_of(liar.url, environment="local")
            assert (await world.simulation(*METHODS).preview("anvil", cases(world)["transfer"])).method == "pyrevm"


@given(st.binary(max_size=200), st.sampled_from((b"", ERROR, PANIC, bytes.fromhex("e450d38c"))))
def test_whatever_a_contract_reverts_with_is_one_printable_line(data, selector):
    told = reason([], "0x" + (selector + data).hex())
    assert told and told.isprintable()
    assert text_of("0x" + data.hex()).isprintable()


def a_call(world: World, step: tuple[str, int, int, int]) -> CallRequest:
    """One of what people do, by anyone to anyone, often with more than they have."""
    what, who, whom, amount = step
    parties = (world.me, world.other, world.third)
    sender, to = parties[who], parties[whom]
    return {
        "transfer": world.call("transfer", to, amount, sender=sender),
        "approve": world.call("approve", to, amount, sender=sender),
        "approve the probe": world.call("approve", world.probe, amount, sender=sender),
        "transferFrom": world.call("transferFrom", to, parties[(whom + 1) % 3], amount // 3, sender=sender),
        "pull": world.call("pull", world.token, to, sender, amount // 2, sender=sender),
        "forward": world.call("forward", to, parties[(whom + 1) % 3], sender=sender, value=amount),
        "coin": CallRequest(sender, to, "0x", amount * 10**15),
        "burn": world.call("burn", amount, sender=sender),
        "mint": world.call("mint", to, amount, sender=sender),
        "grant": world.call("grantRole", keccak256(b"MINTER_ROLE"), to, sender=sender),
        "revoke": world.call("revokeRole", keccak256(b"MINTER_ROLE"), to, sender=sender),
        "spawn": world.call("spawn", "KID", sender=sender),
        "clear": world.call("clear", sender=sender),
        "needs clearing": world.call("onlyWhenCleared", sender=sender),
        "owner": world.call("transferOwnership", to, sender=sender),
        "custom": world.call("custom", sender=sender),
    }[what]


WHAT = (
    "transfer", "approve", "approve the probe", "transferFrom", "pull", "forward", "coin", "burn", "mint", "grant", "revoke",
    "spawn", "clear", "needs clearing", "owner", "custom",
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 2), st.integers(0, 2), st.integers(0, 1_200_000)), max_size=7)


@given(steps=STEPS.filter(bool))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.asyncio
async def test_whatever_people_do_the_three_ways_agree(world, steps):
    calls = [a_call(world, step) for step in steps]
    first, *rest = (await world.everywhere(calls)).values()
    for other in rest:
        assert (other.effects, other.errors, other.gas) == (first.effects, first.errors, first.gas)


@pytest.mark.parametrize("fork", ["berlin", "london", "shanghai", "osaka"])
@pytest.mark.asyncio
async def test_chains_of_other_rules_are_simulated_too(node_with, chain_of, built, fork):
    node = node_with("--hardfork", fork)
    world = World(node, chain_of(node.url), built)
    calls = [world.call("transfer", world.other, 5), CallRequest(world.me, world.other, "0x", 4), world.call("worded")]
    first, *rest = (await world.everywhere(calls)).values()
    assert len(first.effects) == 4 and first.errors == ("", "", "no, thank you")
    for other in rest:
        assert (other.effects, other.errors, other.gas) == (first.effects, first.errors, first.gas)


def test_logs_come_in_the_order_in_which_they_were_written():
    """As geth's tracer tells it: a frame's logs know how many calls came before them; a failed call wrote none."""

    def log(n: int, position: int) -> dict[str, object]:
        return {"address": f"0x{n:040x}", "topics": [], "data": "0x", "position": hex(position)}

    inner = {"logs": [log(2, 0)], "calls": [{"logs": [log(3, 0)]}]}
    failed = {"error": "execution reverted", "logs": [log(9, 0)]}
    frame = {"logs": [log(1, 0), log(4, 1), log(5, 2)], "calls": [inner, failed]}
    assert [int(each["address"], 16) for each in _logs(frame)] == [1, 2, 3, 4, 5]
