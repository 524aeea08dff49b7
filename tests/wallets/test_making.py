"""Phrases that are typed, checked, searched and drilled."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from app.core.errors import Conflict, Denied, Invalid
from app.core.secret import Secret
from app.wallets import BackupCheck, keys, phrases
from tests.wallets.conftest import FIRST, HARDHAT, SECOND
from tests.wallets.purse import bytecodes
from tests.wallets.test_holdings import coin
from tests.wallets.test_phrases_and_keys import written

__all__ = ["bytecodes"]

DATA = Path(__file__).parents[1] / "data" / "wallets"
ABANDON = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"


def test_every_hd_wallet_of_the_ethers_suite_has_its_seed_keys_and_addresses():
    """1,409 phrases in eight languages, with and without passphrases; 6,289 accounts at any path."""
    with gzip.open(DATA / "hdnode.json.gz") as file:
        cases = json.load(file)
    accounts = 0
    for case in cases:
        passphrase = Secret(case["password"]) if case.get("password") else None
        phrase = phrases.checked_phrase(Secret(case["mnemonic"]))
        seed = phrases.seed_of(*phrases.unbundled(phrases.bundled(phrase, passphrase)))
        assert "0x" + seed.hex() == case["seed"], case["name"]
        master = keys.ExtendedKey.from_seed(seed)
        for node in case["hdnodes"]:
            key = master.derive(node["path"]).key
            assert ("0x" + key.hex(), keys.address_of(key).lower()) == (node["privateKey"], node["address"].lower())
            accounts += 1
    assert (len(cases), accounts) == (1409, 6289)


def test_words_are_completed_and_a_phrase_is_judged_while_it_is_typed():
    assert phrases.complete("aban") == ["abandon"] and phrases.complete("") == []
    assert phrases.complete("a") == ["abandon", "ability", "able", "about", "above", "absent", "absorb", "abstract"]
    assert phrases.complete("éc", "french")[0].startswith("e\u0301c")
    with pytest.raises(Invalid):
        phrases.complete("a", "klingon")
    eleven = ABANDON.split()[:-1]
    typing = phrases.judge(eleven)
    assert (typing.count, typing.checksum, len(typing.last_words)) == (11, "incomplete", 128) and "about" in typing.last_words
    assert all(phrases.judge([*eleven, word]).checksum == "ok" for word in typing.last_words)
    assert phrases.judge([*eleven, "zoo"]).checksum == "wrong"
    assert phrases.judge([*eleven[:4], "xylophagous", *eleven[5:], "about"]).unknown == (5,)
    assert len(phrases.judge(["abandon"] * 23).last_words) == 8 and "art" in phrases.judge(["abandon"] * 23).last_words
    assert phrases.judge([]).checksum == "incomplete"
    assert "about" not in repr(typing)


@pytest.mark.parametrize("language", phrases.LANGUAGES)
@pytest.mark.parametrize("count", phrases.WORD_COUNTS)
def test_the_last_word_can_be_found_in_every_language(language, count):
    first = phrases._words(language).wordlist[7]
    state = phrases.judge([first] * (count - 1), language)
    assert len(state.last_words) == 2 ** (11 - count // 3)
    assert phrases.judge([first] * (count - 1) + [state.last_words[-1]], language).checksum == "ok"


def test_a_backup_check_asks_for_random_words_and_takes_no_others():
    asked = {BackupCheck(HARDHAT).places for _ in range(40)}
    assert len(asked) > 1 and all(len(places) == 3 and 1 <= places[0] < places[1] < places[2] <= 12 for places in asked)
    check = BackupCheck(Secret(ABANDON))
    words = [ABANDON.split()[place - 1] for place in check.places]
    with pytest.raises(Invalid, match=f"not word {check.places[1]}") as refused:
        check.answer([Secret(words[0]), Secret("zebra"), Secret(words[2])])
    assert refused.value.field == "1" and "zebra" not in str(refused.value) and not check.answered
    with pytest.raises(Invalid):
        check.answer([Secret(words[0])])
    check.answer([Secret(f" {word.upper()} ") for word in words])
    assert check.proves(Secret(ABANDON)) and not check.proves(HARDHAT) and "abandon" not in repr(check)


@pytest.mark.asyncio
async def test_a_new_phrase_is_of_no_use_until_its_backup_was_checked(house):
    phrase = await house.wallets.new_phrase(12)
    with pytest.raises(Denied, match="written down"):
        await house.wallets.plan_create("Treasury", phrase)
    with pytest.raises(Denied):
        await house.wallets.plan_create("Treasury", Secret(phrase.reveal().upper()), backup=house.wallets.backup_check(phrase))
    assert not house.vault
    check = house.wallets.backup_check(phrase)
    check.answer([Secret(phrase.reveal().split()[place - 1]) for place in check.places])
    await house.plans.carry_out(await house.wallets.plan_create("Treasury", phrase, backup=check))
    assert [account.label for account in await house.wallets.list()] == ["Treasury"]


@pytest.mark.asyncio
async def test_paths_of_other_wallets_and_a_passphrase_are_kept_with_the_wallet(house):
    wallets, plans = house.wallets, house.plans
    await plans.carry_out(await wallets.plan_create("Ledger", HARDHAT, path="ledger-live", indexes=[0, 2]))
    assert [(a.path, a.label) for a in await wallets.list()] == [("m/44'/60'/0'/0/0", "Ledger 1"), ("m/44'/60'/2'/0/0", "Ledger 3")]
    await plans.carry_out(await wallets.plan_create("Old", HARDHAT, path="ledger-legacy", indexes=[5]))
    assert (await wallets.get("Old")).path == "m/44'/60'/0'/5"
    salt = Secret(" two\nlines ")
    await plans.carry_out(await wallets.plan_create("Salted", HARDHAT, accounts=2, passphrase=salt))
    salted = keys.ExtendedKey.from_seed(phrases.seed_of(HARDHAT, salt))
    assert (await wallets.get("Salted 1")).address == keys.address_of(salted.derive("m/44'/60'/0'/0/0").key)
    await plans.carry_out(await wallets.plan_add_accounts("Salted", [4], ["Spare"]))
    spare = await wallets.get("Spare")
    assert spare.address == keys.address_of(salted.derive("m/44'/60'/0'/0/4").key)
    assert keys.recover(b"\1" * 32, await wallets.sign_digest(spare.address, b"\1" * 32)) == spare.address
    with pytest.raises(Conflict, match="here already"):
        await wallets.plan_add_accounts("Salted", [4])
    for wrong in ("m/44'/60'/0'/0", "m/{index}/{index}", "nonsense", "m/" + "0/" * 10 + "{index}"):
        with pytest.raises(Invalid):
            await wallets.plan_create("Wrong", HARDHAT, path=wrong)
    with pytest.raises(Invalid):
        await wallets.plan_create("Wrong", HARDHAT, indexes=[2**31])


@pytest.mark.asyncio
async def test_a_drill_proves_a_backup_and_keeps_nothing(house):
    await house.plans.carry_out(await house.wallets.plan_create("Treasury", HARDHAT, accounts=2))
    before = dict(house.vault)
    good = await house.wallets.drill("treasury", HARDHAT)
    assert good.matches and [row.derived for row in good.rows] == [FIRST, SECOND]
    assert (await house.wallets.wallet("Treasury")).drilled_at > 0
    bad = await house.wallets.drill("Treasury 2", HARDHAT, Secret("a passphrase it never had"))
    assert not bad.matches and "passphrase" in bad.text
    assert not (await house.wallets.drill("Treasury", Secret(ABANDON))).matches
    with pytest.raises(Invalid):
        await house.wallets.drill("Treasury", Secret("not a phrase"))
    assert dict(house.vault) == before
    assert [(kind, body["matches"]) for kind, body in house.access.journal] == [("wallet.drill", m) for m in (True, False, False)]
    assert "junk" not in repr((good, bad, house.access.journal))
    # The master key itself, as other programs write it.
    xprv = written(keys.ExtendedKey.from_seed(phrases.seed_of(HARDHAT)), None)
    assert (await house.wallets.drill("Treasury", Secret(xprv))).matches
    with pytest.raises(Invalid, match="checksum"):
        await house.wallets.drill("Treasury", Secret(xprv[:-1] + ("1" if xprv[-1] != "1" else "2")))
    await house.plans.carry_out(await house.wallets.plan_import_key("Hot", Secret("11" * 32)))
    assert (await house.wallets.drill("Hot", Secret("0x" + "11" * 32))).matches
    assert not (await house.wallets.drill("Hot", Secret("22" * 32))).matches


@pytest.mark.asyncio
async def test_labels_groups_notes_and_order_are_edits(house):
    wallets = house.wallets
    for label, address in (("One", FIRST), ("Two", SECOND), ("Three", "0x" + "33" * 20)):
        await wallets.watch(label, address)
    two = await wallets.get("Two")
    assert [account.label for account in await wallets.move(two.id, 0)] == ["Two", "One", "Three"]
    assert [account.label for account in await wallets.move(two.id, 99)] == ["One", "Three", "Two"]
    await wallets.watch("Four", "0x" + "44" * 20)
    assert [account.label for account in await wallets.list()] == ["One", "Three", "Two", "Four"]
    assert (await wallets.set_group(two.id, "  Cold   store ")).group == "Cold store"
    assert (await wallets.set_note(two.id, "In the safe of the branch")).note == "In the safe of the branch"
    with pytest.raises(Invalid, match="not kept"):
        await wallets.set_note(two.id, "words: " + ABANDON)
    with pytest.raises(Invalid):
        await wallets.set_note(two.id, "x" * 501)
    with pytest.raises(Invalid):
        await wallets.set_group(two.id, "x" * 61)
    assert (await wallets.set_group(two.id, "")).group == ""


@pytest.mark.node
@pytest.mark.asyncio
async def test_accounts_are_discovered_on_a_chain_up_to_the_gap_limit(house, node, bytecodes):
    """Hardhat's phrase: ten funded accounts, then one beyond a gap of 19; what lies beyond 20 unused ones is not looked for."""
    from types import SimpleNamespace

    from app.chain import Rpc

    rpc = Rpc(node.url)

    async def connect(network_id):
        return SimpleNamespace(rpc=rpc, network=SimpleNamespace(key=SimpleNamespace(text="31337-local")))

    async def economy_of(network_key):
        return economy[0] if economy else None

    economy = []
    house.wallets._networks, house.wallets._economy_of = SimpleNamespace(connect=connect), economy_of
    master = keys.ExtendedKey.from_seed(phrases.seed_of(HARDHAT))
    far = {index: keys.address_of(master.derive(keys.path_at(keys.ETHEREUM_PATH, index)).key) for index in (29, 50)}
    try:
        assert [row.used for row in await house.wallets.discover("local", HARDHAT)] == [True] * 10 + [False]
        for index, address in far.items():
            node("anvil_setBalance", address, hex(index))
        found = await house.wallets.discover("local", HARDHAT)
        assert (len(found), found[29].address, found[29].native, found[-1].used) == (31, far[29], 29, False)
        assert len(await house.wallets.discover("local", HARDHAT, gap=21)) == 52
        unused = await house.wallets.discover("local", HARDHAT, Secret("another"))
        assert [(row.index, row.used) for row in unused] == [(0, False)]
        await house.plans.carry_out(await house.wallets.plan_create("Treasury", HARDHAT))
        more = await house.wallets.discover_more("local", "Treasury")
        assert (more[0].label, more[1].label, len(more)) == ("Treasury", "", 31)
        token = coin(node, bytecodes)
        mint = "0x40c10f19" + far[50][2:].lower().rjust(64, "0") + f"{7:064x}"
        node("eth_sendTransaction", {"from": node.accounts[0], "to": token, "data": mint})
        node("anvil_setBalance", far[50], "0x0")
        assert len(await house.wallets.discover("local", HARDHAT, gap=21)) == 31
        economy.append(SimpleNamespace(token=token))  # whom this economy paid is found, though it never sent anything
        paid = (await house.wallets.discover("local", HARDHAT, gap=21))[50]
        assert (paid.address, paid.used, paid.native, paid.nonce, paid.azr) == (far[50], True, 0, 0, 7)
        economy[:] = [SimpleNamespace(token=far[29])]  # an address without code answers nothing
        assert len(await house.wallets.discover("local", HARDHAT, gap=21)) == 31
    finally:
        await rpc.close()
