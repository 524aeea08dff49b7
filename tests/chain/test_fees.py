"""What a transaction costs is computed, bounded, and never made up from what a node says it might be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.chain.fees import GWEI, Fees, Level, gwei, next_base_fee
from app.core.errors import Denied, Invalid
from tests.chain.misbehaving import Altered
from tests.contracts.deploy_program import Room

pytestmark = pytest.mark.node
BURN = "0x5b600056"  # JUMPDEST PUSH1 0 JUMP: uses whatever gas it gets
SPENDER = "0x" + "ab" * 20


def spend(node, gas: int) -> None:
    """A block that uses about that much gas."""
    if gas < 21_000:
        node("evm_mine")
        return
    node("anvil_setCode", SPENDER, BURN)
    node("eth_sendTransaction", {"from": node.accounts[0], "to": SPENDER, "gas": hex(gas), "gasPrice": hex(500 * GWEI)})


@given(used=st.lists(st.integers(0, 29_900_000), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_next_base_fee_is_that_of_the_next_block_whatever_was_used(node, used):
    node("anvil_setBalance", node.accounts[0], hex(10**30))
    node.mine()  # anvil gives the first block after its genesis the same base fee
    parent = node("eth_getBlockByNumber", "latest", False)
    for gas in used:
        spend(node, gas)
        block = node("eth_getBlockByNumber", "latest", False)
        base, gas_used, limit = (int(parent[name], 16) for name in ("baseFeePerGas", "gasUsed", "gasLimit"))
        assert next_base_fee(base, gas_used, limit) == int(block["baseFeePerGas"], 16)
        parent = block


@given(base=st.integers(0, 2**128), limit=st.integers(2, 2**63 - 1), part=st.fractions(0, 1))
def test_a_block_moves_the_base_fee_by_an_eighth_at_most(base, limit, part):
    after = next_base_fee(base, int(limit * part), limit)
    assert base - base // 8 <= after <= base + max(base // 8, 1) + (1 if limit % 2 else 0) * base


@pytest.mark.asyncio
async def test_slower_is_never_dearer_and_every_level_is_mined(node, chain_of):
    for tip in (1, 2, 3, 5, 8, 13):
        node(
            "eth_sendTransaction",
            {"from": node.accounts[0], "to": SPENDER, "maxPriorityFeePerGas": hex(tip * GWEI), "maxFeePerGas": hex(50 * GWEI)},
        )
    levels = await Fees().levels(chain_of(node.url))
    offers = (levels.slow, levels.normal, levels.fast)
    assert [offer.level for offer in offers] == ["slow", "normal", "fast"]
    for faster, slower in zip(offers[1:], offers, strict=False):
        assert faster.max_fee_per_gas >= slower.max_fee_per_gas
        assert faster.max_priority_fee_per_gas >= slower.max_priority_fee_per_gas
    assert not levels.legacy and not levels.zero and not levels.note
    for offer in offers:
        body = {"maxFeePerGas": hex(offer.max_fee_per_gas), "maxPriorityFeePerGas": hex(offer.max_priority_fee_per_gas)}
        node("eth_sendTransaction", {"from": node.accounts[1], "to": node.accounts[2], "value": "0x1", **body})
    assert int(node("eth_getTransactionCount", node.accounts[1], "latest"), 16) == 3


@pytest.mark.asyncio
async def test_a_chain_without_a_base_fee_has_a_gas_price(node_with, chain_of):
    node = node_with("--hardfork", "berlin")
    levels = await Fees().levels(chain_of(node.url))
    price = int(node("eth_gasPrice"), 16)
    assert levels.legacy and not levels.zero and levels.base_fee == 0
    assert levels.normal.max_fee_per_gas == levels.normal.max_priority_fee_per_gas == price and levels.fast.price > price
    custom = await Fees().quote_for(chain_of(node.url), {"fee": {"max_fee": "5"}})
    assert (custom.max_fee_per_gas, custom.legacy, custom.warning) == (5, True, "")


@pytest.mark.asyncio
async def test_a_chain_that_charges_nothing_is_offered_nothing_and_takes_it(node_with, chain_of):
    node = node_with("--base-fee", "0", "--gas-price", "0")
    chain = chain_of(node.url, fee_ceiling_gwei=1)
    quote = await Fees().quote(chain)
    assert (quote.max_fee_per_gas, quote.max_priority_fee_per_gas) == (0, 0) and (await Fees().levels(chain)).zero
    node("anvil_setBalance", node.accounts[3], "0x0")
    body = {"maxFeePerGas": "0x0", "maxPriorityFeePerGas": "0x0", "gas": "0x5208"}
    node("eth_sendTransaction", {"from": node.accounts[3], "to": node.accounts[4], **body})
    assert int(node("eth_getTransactionCount", node.accounts[3], "latest"), 16) == 1
    assert (await Fees().levels(chain)).zero, "still, after a block that held a transaction"


@pytest.mark.asyncio
async def test_nothing_is_offered_above_the_ceiling_of_the_network(node, chain_of):
    node("anvil_setNextBlockBaseFeePerGas", hex(40 * GWEI))
    node.mine()
    free, tight, closed = (chain_of(node.url, fee_ceiling_gwei=gwei) for gwei in (500, 50, 30))
    assert (await Fees().quote(free)).max_fee_per_gas > 70 * GWEI
    assert (await Fees().quote(tight)).max_fee_per_gas == 50 * GWEI, "as far as it goes"
    with pytest.raises(Denied, match=r"Anvil asks .* gwei per gas, above its ceiling of 30\. Nothing was signed") as refused:
        await Fees().quote(closed)
    assert "raise the ceiling" in refused.value.remedy


@pytest.mark.parametrize(
    ("fee", "error"),
    [
        ({"level": "warp"}, "no fee level"),
        ({"max_fee": "1.5", "tip": "0"}, "maximum fee is not a whole number"),
        ({"max_fee": "-1", "tip": "0"}, "not a whole number"),
        ({"max_fee": "9" * 79, "tip": "0"}, "not a whole number"),
        ({"max_fee": "10", "tip": "٣"}, "tip is not a whole number"),
        ({"max_fee": "10", "tip": "11"}, "tip is above the maximum fee"),
        ("fast", "neither a level nor a price"),
    ],
)
@pytest.mark.asyncio
async def test_a_fee_that_cannot_be_is_told_at_its_field(node, chain_of, fee, error):
    with pytest.raises(Invalid, match=error) as refused:
        await Fees().quote_for(chain_of(node.url), {"fee": fee})
    assert refused.value.field == "fee" and "Nothing was signed" in str(refused.value)


@pytest.mark.asyncio
async def test_a_price_of_ones_own_is_kept_or_refused_but_never_changed(node, chain_of):
    chain = chain_of(node.url, fee_ceiling_gwei=20)
    own = await Fees().quote_for(chain, {"fee": {"max_fee": str(9 * GWEI), "tip": str(GWEI)}})
    assert (own.max_fee_per_gas, own.max_priority_fee_per_gas, own.level) == (9 * GWEI, GWEI, "custom") and not own.verdicts()
    low = await Fees().quote_for(chain, {"fee": {"max_fee": "7", "tip": "1"}})
    (verdict,) = low.verdicts()
    assert str(verdict.level) == "warning" and "waits until the price falls" in verdict.text and "0.000000007" in verdict.detail
    with pytest.raises(Denied, match=r"21 gwei per gas is above the network's fee ceiling of 20\."):
        await Fees().quote_for(chain, {"fee": {"max_fee": str(21 * GWEI), "tip": "0"}})
    assert (await Fees().quote_for(chain, {"fee": {"level": "slow"}})).level == Level.SLOW
    assert (await Fees().quote_for(chain, {})).level == Level.NORMAL


ABSURD = [
    {},
    None,
    "no",
    {"baseFeePerGas": [], "reward": [], "gasUsedRatio": [], "oldestBlock": "0x0"},
    {"baseFeePerGas": ["0x" + "ff" * 32] * 3, "reward": [["0x" + "ff" * 32] * 3], "gasUsedRatio": [1], "oldestBlock": "0x0"},
    {"baseFeePerGas": "0x1", "reward": {"a": 1}, "gasUsedRatio": 7, "oldestBlock": "zero"},
    {"baseFeePerGas": [None], "reward": [[None, 1, "x"], ["0x1"], None], "gasUsedRatio": [1, 1, 1], "oldestBlock": "0x0"},
]


@pytest.mark.parametrize("history", ABSURD)
@pytest.mark.asyncio
async def test_an_empty_or_absurd_history_does_not_make_the_price(node, chain_of, history):
    async with Altered(node.url, {"eth_feeHistory": history}) as peer:
        quote = await Fees().quote(chain_of(peer.url))
    head = node("eth_getBlockByNumber", "latest", False)
    base = next_base_fee(*(int(head[name], 16) for name in ("baseFeePerGas", "gasUsed", "gasLimit")))
    assert quote.base_fee == base and 2 * base <= quote.max_fee_per_gas <= 2 * base + GWEI


@pytest.mark.asyncio
async def test_a_chain_with_other_rules_is_believed_upwards_and_says_so(node, chain_of):
    head = int(node("eth_blockNumber"), 16)
    told = {"baseFeePerGas": ["0x1", hex(3 * GWEI)], "oldestBlock": hex(head), "reward": [["0x0"] * 3], "gasUsedRatio": [0.5]}
    async with Altered(node.url, {"eth_feeHistory": told}) as peer:
        levels = await Fees().levels(chain_of(peer.url))
    assert levels.base_fee == 3 * GWEI and "by EIP-1559 its parent block makes it" in levels.note


@given(st.integers(0, 2**80))
def test_gwei_is_exact(wei):
    from decimal import Decimal

    assert Decimal(gwei(wei).replace(",", "")) * GWEI == wei


def test_the_command_line_shows_offers_and_keeps_a_ceiling(azora, home, node):
    (home / "config.toml").write_text(
        f'[[networks]]\nid = "anvil"\nname = "Anvil"\nrpc_url = "{node.url}"\nchain_id = 1337\nenvironment = "local"\n'
    )
    told = azora("--network", "anvil", "network", "fees").out
    assert "slow" in told and "fast" in told and "Ceiling: 500 gwei" in told
    assert "above 3 gwei" in azora("network", "fee-ceiling", "anvil", 3).out
    assert azora("--json", "network", "fee-ceiling", "anvil").json == {"network": "anvil", "fee_ceiling_gwei": 3}
    assert "from 1 to 1,000,000" in azora("network", "fee-ceiling", "anvil", 0, expect=None).err


@pytest.mark.asyncio
async def test_a_ceiling_of_a_chain_started_here_is_kept_over_restarts_of_its_node_and_of_the_console(node, tmp_path):
    room = await Room(tmp_path / "home", node.url).open()
    own = replace(room.networks.get("anvil"), id="mine", own=True)
    await room.networks.put_own(own)
    assert (await room.networks.set_fee_ceiling("mine", 7)).fee_ceiling_gwei == 7
    await room.networks.put_own(replace(own, rpc_url="http://127.0.0.1:1"))  # its node came back on another port
    assert room.networks.get("mine").fee_ceiling_gwei == 7
    with pytest.raises(Invalid, match="It was not changed") as refused:
        await room.networks.set_fee_ceiling("mine", 0)
    assert refused.value.field == "fee_ceiling"
    await room.close()
    again = await Room(tmp_path / "home", node.url).open()
    assert again.networks.get("mine").fee_ceiling_gwei == 7
    await again.close()
