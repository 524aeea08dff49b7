"""The ledger over a real chain: what it reads, proves, refuses and survives."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.audit import verifier
from app.core.errors import Cancelled, Conflict
from app.core.evidence import EvidenceStatus, Trust
from app.ledger import LedgerFilter, Order, RowKind
from tests.ledger.world import AZR, ROOT, Books, World

BURN = "Zero address (burn)"


def live(world: World) -> None:
    """A little history: mints, transfers, a burn, a redemption."""
    alice, bob, carol = world.people[:3]
    world.node.done(world.mint(alice, 1_000 * AZR))
    world.node.done(world.mint(bob, 500 * AZR + 1))
    world.node.done(world.transfer(alice, carol, 123 * AZR))
    world.node.done(world.burn(bob, 7))
    world.request(alice, 100 * AZR)
    world.complete(0)


def test_every_figure_of_a_history_is_read_proven_and_adds_up(world: World, books: Callable[..., Books]) -> None:
    live(world)
    alice, bob, carol = world.people[:3]
    here = books()

    async def story(ledger: Any) -> None:
        state = await ledger.index("here")
        assert state.complete and state.first == world.economy.start_block and state.last == state.head
        kinds = [row.kind for row in (await ledger.transactions("here", LedgerFilter(order=Order.OLDEST))).rows]
        money = [RowKind.MINT, RowKind.MINT, RowKind.TRANSFER, RowKind.BURN, RowKind.TRANSFER, RowKind.REQUEST]
        assert kinds == [*money, RowKind.BURN, RowKind.COMPLETE]
        mints = (await ledger.transactions("here", LedgerFilter(kind="mint"))).rows
        assert len({row.proof for row in mints}) == 2 and all(len(row.proof) == 66 for row in mints)
        assert all(row.evidence.status is EvidenceStatus.INCLUDED for row in mints)
        for account, amount in ((alice, 777 * AZR), (bob, 500 * AZR - 6), (carol, 123 * AZR), (world.people[4], 0)):
            proven = await ledger.prove_balance("here", account)
            assert (proven.value, proven.evidence[0].status) == (amount, EvidenceStatus.INCLUDED)
            assert proven.evidence[0].trust is Trust.OWN_NODE
        supply = await ledger.supply("here")
        assert (supply.minted.value, supply.burned.value) == (1_500 * AZR + 1, 100 * AZR + 7)
        assert supply.supply.value == 1_400 * AZR - 6 and supply.cap.value == 10**27
        found = await ledger.reconcile("here")
        assert found.ok, found.checks
        holders = await ledger.holders("here")
        assert [holder.balance for holder in holders] == [777 * AZR, 500 * AZR - 6, 123 * AZR]
        history = await ledger.supply_history("here", 3)
        assert history[0].supply == 1_000 * AZR and history[-1].supply == 1_400 * AZR - 6

    here(story)


def test_pages_by_key_give_every_row_once_in_each_order(world: World, books: Callable[..., Books]) -> None:
    live(world)
    here = books()

    async def story(ledger: Any) -> None:
        await ledger.index("here")
        for order in Order:
            whole = (await ledger.transactions("here", LedgerFilter(order=order), limit=100)).rows
            paged, place = [], None
            while True:
                page = await ledger.transactions("here", LedgerFilter(order=order), place, 3)
                paged += page.rows
                if page.next is None:
                    break
                place = page.next
            assert [row.id for row in paged] == [row.id for row in whole] and len(whole) == 8
        largest = (await ledger.transactions("here", LedgerFilter(order=Order.LARGEST))).rows
        assert [row.amount for row in largest] == sorted((row.amount for row in largest), reverse=True)
        carol = world.people[2]
        assert len((await ledger.transactions("here", LedgerFilter(account=carol))).rows) == 1
        assert len((await ledger.transactions("here", LedgerFilter(text=carol[:9]))).rows) == 1
        assert len((await ledger.transactions("here", LedgerFilter(text=largest[0].tx_hash[:13]))).rows) == 1

    here(story)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_following_any_history_equals_reading_it_afresh(world: World, books: Callable[..., Books], seed: int) -> None:
    """Whatever the chain does, following it and reading it from scratch give the same rows, derived ones included."""
    rng = random.Random(seed)
    node, followed = world.node, books()
    live(world)
    followed.index()
    for _ in range(6):
        snapshot = node("evm_snapshot")
        for _ in range(rng.randint(1, 4)):
            sender, to = rng.sample(world.people[:3], 2)
            world.transfer(sender, to, rng.randint(1, 5), mine=rng.random() < 0.7)
        node.mine(rng.randint(1, 3))
        if rng.random() < 0.8:
            followed.index()
        if rng.random() < 0.7:  # the chain takes another way from here
            assert node("evm_revert", snapshot)
            world.burn(world.people[0], rng.randint(1, 9))
            node.mine(rng.randint(0, 5))
            followed.index()
        elif rng.random() < 0.5:
            node("anvil_reorg", rng.randint(1, 3), [])
            followed.index()
    state = followed.index()
    fresh = books()
    assert fresh.index().digest == state.digest
    assert fresh.digest() == followed.digest()
    result = followed(lambda ledger: ledger.reconcile("here"))
    checks = {check.name: check.ok for check in result.checks}
    assert checks["Sum of balances = total supply"] and checks["Total supply = minted − burned"]


@pytest.mark.parametrize("point", ["ledger.chunk.written:1", "ledger.chunk.written:2", "ledger.chunk.committed:1"])
def test_a_killed_index_goes_on_to_the_same_ledger(world: World, books: Callable[..., Books], point: str) -> None:
    live(world)
    world.node.mine(90)
    world.transfer(world.people[0], world.people[1], 5)
    here = books()
    script = (
        "import sys, json\nfrom types import SimpleNamespace\nfrom app.chain.economy import Economy\n"
        "from tests.ledger.world import Books\n"
        "import urllib.request\n"
        "url, db, eco = sys.argv[1:]\n"
        "def node(method, *params):\n"
        "    body = json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': method, 'params': params}).encode()\n"
        "    request = urllib.request.Request(url, body, {'content-type': 'application/json'})\n"
        "    return json.load(urllib.request.urlopen(request))['result']\n"
        "node.url = url\n"
        "Books(SimpleNamespace(node=node, economy=Economy(**json.loads(eco))), db).index()\n"
    )
    economy = {name: getattr(world.economy, name) for name in world.economy.__slots__}
    arguments = [sys.executable, "-c", script, world.node.url, here.database, json.dumps(economy)]
    killed = subprocess.run(arguments, cwd=ROOT, env=os.environ | {"AZORA_FAULT": point}, timeout=120, check=False)
    assert killed.returncode == -9
    state = here.index()
    fresh = books()
    assert (fresh.index(), fresh.digest()) == (state, here.digest())


@contextmanager
def liar(url: str, lie: Callable[[str, Any], Any]) -> Iterator[str]:
    """An endpoint that answers as the node does, but for what ``lie`` changes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["content-length"]))
            request = urllib.request.Request(url, asked, {"content-type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as response:
                answer = json.load(response)
            calls = json.loads(asked)
            pairs = zip(calls, answer, strict=True) if isinstance(calls, list) else [(calls, answer)]
            for call, part in pairs:
                if "result" in part:
                    part["result"] = lie(call["method"], part["result"])
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _richer(method: str, result: Any) -> Any:
    if method == "eth_getProof":
        result["storageProof"][0]["value"] = hex(10**30)
    return result


def _other_balance(method: str, result: Any) -> Any:
    return "0x" + f"{10**30:064x}" if method == "eth_call" else result


def _forged_event(method: str, result: Any) -> Any:
    if method == "eth_getBlockReceipts":
        for receipt in result:
            for log in receipt["logs"]:
                log["data"] = "0x" + "11" * ((len(log["data"]) - 2) // 2)
    return result


def _forged_header(method: str, result: Any) -> Any:
    if method == "eth_getBlockByNumber" and result:
        result["stateRoot"] = "0x" + "22" * 32
    return result


@pytest.mark.parametrize("lie", [_richer, _other_balance])
def test_a_lying_node_is_told_by_its_proof(world: World, books: Callable[..., Books], lie: Any) -> None:
    live(world)
    here = books()
    here.index()
    with liar(world.node.url, lie) as url:
        here.url = url
        figure = here(lambda ledger: ledger.prove_balance("here", world.people[0]))
        assert figure.evidence[0].status is EvidenceStatus.MISMATCH and figure.evidence[0].trust is Trust.NONE


@pytest.mark.parametrize(("lie", "words"), [(_forged_event, "receipts root"), (_forged_header, "header")])
def test_a_forged_block_is_refused_and_named(world: World, books: Callable[..., Books], lie: Any, words: str) -> None:
    live(world)
    with liar(world.node.url, lie) as url, pytest.raises(Conflict, match=words):
        books(url).index()


def test_a_supply_that_does_not_add_up_is_found(world: World, books: Callable[..., Books]) -> None:
    """The chain is made to hold a supply that no event explains; the check that fails says so."""
    live(world)
    here = books()
    world.node("anvil_setStorageAt", world.economy.token, f"0x{world.economy.supply_slot:064x}", f"0x{5 * AZR:064x}")
    world.node.mine()
    result = here(lambda ledger: ledger.reconcile("here"))
    failed = {check.name for check in result.checks if not check.ok}
    assert failed == {"Sum of balances = total supply", "Total supply = minted − burned"}


def test_a_csv_is_exact_complete_and_no_formula(world: World, books: Callable[..., Books], tmp_path: Path) -> None:
    live(world)
    here = books()
    here.index()
    path = here(lambda ledger: ledger.export_csv("here", None, tmp_path / "rows.csv"))
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["amount AZR"] for row in rows[:2]] == ["1000.000000000000000000", "500.000000000000000001"]
    assert {row["to"] for row in rows if row["kind"] == "burn"} == {BURN} and len(rows) == 8
    assert not any(cell[:1] in "=+-@" for row in rows for cell in row.values() if cell)


def test_a_bundle_holds_for_a_stranger_and_any_tampering_is_named(
    world: World, books: Callable[..., Books], tmp_path: Path
) -> None:
    live(world)
    here = books()
    path = here(lambda ledger: ledger.export_bundle("here", tmp_path / "evidence.zip", world.people[:3]))
    anchor = world.node("eth_getBlockByNumber", "latest", False)["hash"]
    program = [sys.executable, "-I", "-S", str(ROOT / "app/audit/verifier.py"), str(path)]
    told = subprocess.run([*program, "--trust", anchor], capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0 and "FAILED" not in told.stdout and "block you named" in told.stdout, told.stdout
    wrong = subprocess.run(
        [*program, "--trust", "0x" + "00" * 32, "--json"], capture_output=True, text=True, timeout=120, check=False
    )
    assert wrong.returncode == 1 and [c["name"] for c in json.loads(wrong.stdout)["checks"] if not c["ok"]] == ["anchor"]

    whole = path.read_bytes()
    rng = random.Random(4)
    broken = tmp_path / "broken.zip"
    for place in [0, len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(40))]:
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.randrange(8)
        broken.write_bytes(changed)
        failed = [check for check in verifier.verify_bundle(broken) if not check.ok]
        assert failed and failed[0].name == "archive" and failed[0].detail, f"byte {place}"

    def retold(change: Callable[[dict[str, Any]], None]) -> list[str]:
        """What fails when a forger changes the contents and makes every sum and digest fit again."""
        files = {name: json.loads(data) for name, data in verifier.read_bundle(path).items()}
        change(files)
        packed = {name: json.dumps(value).encode() for name, value in files.items() if name != "manifest.json"}
        manifest = files["manifest.json"]
        manifest["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in packed.items()}
        manifest["digest"] = verifier.manifest_digest(manifest)
        broken.write_bytes(verifier.pack(packed | {"manifest.json": json.dumps(manifest).encode()}))
        return [check.name for check in verifier.verify_bundle(broken, anchor) if not check.ok]

    def richer(files: dict[str, Any]) -> None:
        files["proofs.json"][1]["value"] = str(10**24)

    def forged_log(files: dict[str, Any]) -> None:
        next(r for b in files["blocks.json"] for r in b["receipts"] if r["logs"])["logs"][0]["data"] = "0x" + "ff" * 32

    def left_out(files: dict[str, Any]) -> None:
        files["blocks.json"].pop()

    def forged_value(files: dict[str, Any]) -> None:
        files["blocks.json"][0]["transactions"][0]["value"] = "0x1"

    def other_state(files: dict[str, Any]) -> None:
        files["headers.json"][-1]["stateRoot"] = "0x" + "33" * 32

    def gap(files: dict[str, Any]) -> None:
        del files["headers.json"][3]

    def other_proof(files: dict[str, Any]) -> None:
        files["value_proofs.json"][0]["reward"] = "1"

    def no_supply(files: dict[str, Any]) -> None:
        files["proofs.json"] = files["proofs.json"][1:]

    assert retold(lambda files: None) == []
    assert retold(richer) == ["state proofs"]
    assert "receipts" in retold(forged_log)
    assert "completeness" in retold(left_out)
    assert "transactions" in retold(forged_value)
    assert retold(other_state) == ["headers"]
    assert "header chain" in retold(gap)
    assert retold(other_proof) == ["value proofs"]
    assert retold(no_supply) == ["state proofs"]


def test_postgresql_holds_the_same_ledger_as_sqlite(world: World, books: Callable[..., Books], postgres: str) -> None:
    live(world)
    snapshot = world.node("evm_snapshot")
    world.transfer(world.people[0], world.people[1], 3)
    there, here = Books(world, postgres), books()
    there.index()
    world.node("evm_revert", snapshot)
    world.node.mine(2)
    assert there.index() == here.index()
    assert there.digest() == here.digest()

    async def read(ledger: Any) -> Any:
        rows = [await ledger.transactions("here", LedgerFilter(order=order), None, 5) for order in Order]
        more = await ledger.transactions("here", LedgerFilter(order=Order.LARGEST), rows[2].next, 5)
        holders = [(holder.account, holder.balance) for holder in await ledger.holders("here")]
        result = await ledger.reconcile("here")
        return rows, more, holders, await ledger.supply_history("here", 2), result.ok, result.checks

    assert there(read) == here(read)


def test_following_reads_new_blocks_and_stops_when_told(world: World, books: Callable[..., Books]) -> None:
    live(world)

    async def story(ledger: Any) -> None:
        job = await ledger.follow("here")
        with pytest.raises(Conflict, match="already"):
            await ledger.follow("here")
        await eventually(ledger, world)
        world.transfer(world.people[0], world.people[1], 3)
        await eventually(ledger, world)
        ledger._jobs.cancel(job.id)
        with pytest.raises(Cancelled):
            await job.wait()

    books()(story)


async def eventually(ledger: Any, world: World) -> None:
    async with asyncio.timeout(60):
        while (await ledger.state("here")).last < int(world.node("eth_blockNumber"), 16):
            await asyncio.sleep(0.1)
