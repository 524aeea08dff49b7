"""A proof whose evidence is an address is bound to what the address gave, from its intake to its mint."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import sys
from types import SimpleNamespace

import pytest
import pytest_asyncio
from alembic.migration import MigrationContext
from alembic.operations import Operations

from app.core.errors import Conflict, Invalid, Unavailable
from app.core.events import Bus
from app.database import Database
from app.mining.evidence_file import EvidenceState
from app.mining.intake import Intake
from app.mining.proofs import Hashed, ProofDraft, ProofStatus
from app.mining.queue import Queue
from app.mining.tables import value_proofs as table
from tests.mining.lists import BOB, NETWORK
from tests.mining.many import rows_of
from tests.mining.misbehaving import WORK, Site
from tests.mining.room import Room

pytestmark = pytest.mark.asyncio
OTHER = b"Something else.\n"


def sha256(data):
    return "0x" + hashlib.sha256(data).hexdigest()


@pytest_asyncio.fixture
async def site():
    async with Site() as found:
        yield found


@pytest_asyncio.fixture
async def place(node, site, tmp_path, cache):
    room = await Room(tmp_path / "home", node.url, cache).open()
    await room.deployed()

    async def submit(path="work", activity="docs-update", **given):
        draft = ProofDraft(room.fourth, activity, 85, url=f"{site.url}/{path}", **given)
        return await room.mining.submit("anvil", draft)

    async def verdicts(row):
        return {verdict.rule: (str(verdict.level), verdict.text) for verdict in (await room.plan([row])).preview.verdicts}

    yield SimpleNamespace(room=room, mining=room.mining, submit=submit, verdicts=verdicts)
    await room.close()


@pytest.mark.node
@pytest.mark.compiler
async def test_what_was_fetched_is_compared_when_it_is_accepted_and_before_it_is_minted(place, site):
    row = await place.submit()
    assert (row.evidence_kind, row.evidence_hash, row.evidence_size) == (Hashed.CONTENT, sha256(WORK), len(WORK))
    assert (row.evidence_url, row.evidence_type) == (f"{site.url}/work", "text/plain") and row.fetched_at > 0
    await place.mining.reviewing.reopen(row.id)
    site.content = OTHER
    with pytest.raises(Conflict, match=f"proof #{row.number} was changed .* Nothing was accepted"):
        await place.mining.review(row.id, True)
    assert (await place.mining.fetch(row.id)).state is EvidenceState.CHANGED
    site.content = WORK
    assert (await place.mining.review(row.id, True)).reason == ""
    site.content = OTHER
    level, text = (await place.verdicts(row))["mining.evidence"]
    assert (level, text) == ("block", f"The evidence of proof #{row.number} is no longer what was submitted")
    site.content = None
    told = await place.verdicts(row)
    assert "mining.evidence" not in told and told["mining.evidence_unreachable"][0] == "warning"
    await place.mining.reviewing.reopen(row.id)
    accepted = await place.mining.review(row.id, True)
    assert accepted.status is ProofStatus.READY and "could not be read when it was accepted" in accepted.reason
    site.content = WORK
    plan = await place.room.mint([row])
    assert plan.state == "done" and (await place.room.states([row])) == ["minted"]


@pytest.mark.node
@pytest.mark.compiler
async def test_content_that_changes_between_plan_and_signature_is_not_minted(place, site):
    row = await place.submit()
    plan = await place.room.plan([row])
    assert not plan.preview.blocked
    site.content = OTHER
    with pytest.raises(Conflict, match=f"The evidence of proof #{row.number} is no longer what was submitted"):
        await place.room.operations.execute(plan.id)
    assert (await place.room.states([row])) == ["ready"]


@pytest.mark.node
@pytest.mark.compiler
async def test_offline_a_proof_is_kept_and_cannot_be_accepted_until_it_was_fetched(place, site):
    site.content = None
    row = await place.submit()
    assert (row.evidence_kind, row.status) == (Hashed.WAITING, ProofStatus.IN_REVIEW)
    assert "not fetched yet. Its server answered 404 Not Found." in row.reason
    for refused in (
        place.mining.review(row.id, True),
        place.mining.plan_attest("anvil", [row.id], place.room.other),
        place.mining.export_attestations("anvil", [row.id]),
    ):
        with pytest.raises(Conflict, match="was not fetched yet"):
            await refused
    with pytest.raises(Conflict, match=f"The same evidence is proof #{row.number} already"):
        await place.submit()
    with pytest.raises(Unavailable, match="404 Not Found. The proof waits as before."):
        await place.mining.fetch(row.id)
    assert await place.mining.waiting("anvil") == [await place.mining.get(row.id)]
    site.content = WORK
    with pytest.raises(Conflict, match="The same address is proof"):
        await place.submit()
    look = await place.mining.fetch(row.id)
    assert (look.state, look.text) == (EvidenceState.SAME, WORK.decode())
    fetched = await place.mining.get(row.id)
    chain_id = place.room.networks.get("anvil").chain_id
    assert (fetched.evidence_hash, fetched.status) == (sha256(WORK), ProofStatus.IN_REVIEW)
    assert fetched.digest == "0x" + fetched.proof().digest(chain_id, fetched.contract).hex() != row.digest
    assert await place.mining.waiting("anvil") == []
    ready = await place.mining.review(row.id, True)
    assert (await place.room.mint([ready])).state == "done"


@pytest.mark.node
@pytest.mark.compiler
async def test_the_same_content_is_the_same_evidence_and_other_content_of_an_address_is_told(place, site, tmp_path):
    first = await place.submit()
    file = tmp_path / "saved.txt"
    file.write_bytes(WORK)
    for again in (place.submit("copy"), place.submit("hop"), place.submit("copy", evidence_path=file)):
        with pytest.raises(Conflict, match=f"The same evidence is proof #{first.number} already"):
            await again
    site.content = None
    waiting = await place.submit("copy")
    site.content = WORK
    with pytest.raises(Conflict, match=f"proof #{waiting.number} gives is the evidence of proof #{first.number} already"):
        await place.mining.fetch(waiting.id)
    site.content = OTHER
    second = await place.submit()
    assert second.status is ProofStatus.IN_REVIEW
    assert f"Its address gave other content for proof #{first.number}" in second.reason
    titles = [check.title for check in (await place.mining.reviewing.examine("anvil", second.id)).checks]
    assert f"The same address stands in #{first.number}" in titles


@pytest.mark.node
@pytest.mark.compiler
async def test_an_address_beside_a_file_is_kept_and_a_web_page_is_named(place, site, tmp_path):
    file = tmp_path / "saved.txt"
    file.write_bytes(b"saved")
    row = await place.submit("anywhere", evidence_path=file)
    assert (row.evidence_kind, row.evidence_url, row.evidence_hash) == (Hashed.FILE, f"{site.url}/anywhere", sha256(b"saved"))
    assert site.asked == []
    with pytest.raises(Invalid, match="It is empty. Nothing was queued."):
        await place.submit("empty")
    site.type = "text/html"
    page = await place.submit()
    titles = [check.title for check in (await place.mining.reviewing.examine("anvil", page.id)).checks]
    assert "The address gave a web page, not a file" in titles


@pytest.mark.node
@pytest.mark.compiler
async def test_a_proof_of_which_only_the_address_was_hashed_stays_as_it_is(place, site):
    """Proofs from before contents were fetched: their digest may be signed or minted already."""
    site.content = None
    row = await place.submit()
    every = list(ProofStatus)
    await place.mining._queue.move([row.id], every, ProofStatus.IN_REVIEW, evidence_kind=Hashed.ADDRESS)
    assert row.evidence_hash == sha256(f"{site.url}/work".encode())
    site.content = WORK
    with pytest.raises(Conflict, match=f"The same address is proof #{row.number} already"):
        await place.submit()
    with pytest.raises(Invalid, match="not bound to what an address gives"):
        await place.mining.fetch(row.id)
    ready = await place.mining.review(row.id, True)
    assert (ready.digest, ready.evidence_hash) == (row.digest, row.evidence_hash)
    assert (await place.room.mint([ready])).state == "done"


@pytest.mark.node
@pytest.mark.compiler
async def test_a_console_killed_while_it_fetches_loses_no_row_and_doubles_none(place, site, node, tmp_path, cache):
    folder = tmp_path / "list"
    folder.mkdir()
    (folder / "a.txt").write_text("a file")
    list_ = folder / "list.json"
    given = {"contributor": place.room.fourth, "activity": "docs-update", "score": 85}
    rows = [{**given, "evidence": f"{site.url}/{path}"} for path in ("work", "silent")] + [{**given, "evidence": "a.txt"}]
    list_.write_text(json.dumps(rows))
    command = (sys.executable, "-m", "tests.mining.room_program", str(tmp_path / "home"), node.url, str(cache), "take", str(list_))
    taking = await asyncio.create_subprocess_exec(*command)
    while "/silent" not in site.asked or "/work" not in site.asked:
        await asyncio.sleep(0.05)
        assert taking.returncode is None
    taking.kill()
    await taking.wait()
    kept = await place.mining.queue("anvil")
    assert [row.evidence_name for row in kept] == ["a.txt"]  # files do not wait for servers
    site.stopped.set()  # the silent one answers 404 now
    again = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told, _ = await again.communicate()
    assert json.loads(told) == [["ready", 2], ["in_review", 3], ["known", None]]
    kinds = {row.number: row.evidence_kind for row in await place.mining.queue("anvil")}
    assert kinds == {1: Hashed.FILE, 2: Hashed.CONTENT, 3: Hashed.WAITING}


async def test_the_rows_of_a_list_that_need_no_server_are_queued_before_any_is_asked(desk, folder):
    seen = []

    async def fetch(addresses):
        seen.append((list(addresses), len(await desk.queue.page(NETWORK, None, None, 10))))
        return await desk.fetch(addresses)

    desk.intake = Intake(desk.submit, desk.resolve, fetch)
    row = {"contributor": BOB, "activity": "docs-update", "score": 85}
    evidence = ("https://example.org/a", "a.txt", "http://example.org/b", "b.txt")
    report = await desk.taken(json.dumps([{**row, "evidence": each} for each in evidence]), folder)
    assert seen == [(["https://example.org/a"], 2)]
    assert [outcome.line for outcome in report.outcomes] == [1, 2, 3, 4] and report.refused == 1
    assert "not https" in report.outcomes[2].problem
    two = {**row, "evidence": "https://example.org/c", "url": "https://example.org/d"}
    assert "Two addresses" in (await desk.taken(json.dumps([two]), folder)).outcomes[0].problem


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
async def test_a_store_of_before_keeps_every_hash_and_says_what_it_is_of(dialect, tmp_path, request):
    address = "https://example.org/work/7"
    row = rows_of(NETWORK, 1)[0] | {"evidence_kind": "url", "evidence_name": address}
    upgrade = importlib.import_module("app.database.migrations.versions.0025_fetched_evidence").upgrade

    def as_it_was_and_then_upgraded(connection):
        connection.execute(table.insert(), row)
        for column in ("evidence_url", "evidence_type", "fetched_at"):
            connection.exec_driver_sql(f"ALTER TABLE value_proofs DROP COLUMN {column}")
        with Operations.context(MigrationContext.configure(connection)):
            upgrade()

    store = Database(request.getfixturevalue("postgres")) if dialect == "postgresql" else Database.at(tmp_path / "console.db")
    await store.open()
    await store.write(as_it_was_and_then_upgraded)
    found = await Queue(store, Bus()).get("1")
    assert (found.evidence_kind, found.evidence_url, found.fetched_at) == (Hashed.ADDRESS, address, 0)
    assert (found.digest, found.evidence_hash) == ("0x" + row["digest"].hex(), "0x" + row["evidence"].hex())
    await store.close()
