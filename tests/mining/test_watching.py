"""A watched folder takes what lies still, tells each trouble once, and goes on whatever happens to a list or to the folder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
import pytest_asyncio

from app.core.events import Bus, Notice
from app.core.jobs import Jobs
from app.mining import watching
from tests.mining.lists import HEAD

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def watch(desk, folder, monkeypatch):
    """The watch as a job, looking often, and what it told."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.03)
    bus, jobs, told = Bus(), Jobs(), []
    end = bus.subscribe(Notice, lambda notice: told.append(notice.text))
    job = jobs.start("watch", lambda job: watching.Watch(desk.intake, bus, "net", folder, job).run())
    job.told = told
    yield job
    assert job.state.value == "running", job.error
    end()
    jobs.cancel(job.id)
    await jobs.close()


async def until(over: Callable[[], object]) -> None:
    for _ in range(800):
        if over():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came")


async def report_of(path):
    await until(path.exists)
    return json.loads(path.read_text(encoding="utf-8"))


async def test_it_takes_what_lies_still_and_leaves_a_report(desk, folder, watch):
    (folder / "good.csv").write_text(HEAD + "Ada,code-review,90,a.txt,\nAda,juggling,90,b.txt,\n")
    (folder / "bad.json").write_text("{}")
    report = await report_of(folder / "taken" / "good.csv.report.json")
    assert (report["queued"], report["refused"], report["rows"][0]["proof"]) == (1, 1, 1)
    await until((folder / "taken" / "good.csv").exists)
    assert not (folder / "good.csv").exists()
    assert "JSON list" in (await report_of(folder / "refused" / "bad.json.report.json"))["problem"]
    assert watch.told == []


async def test_a_list_waits_while_the_network_is_away_and_that_is_told_once(desk, folder, watch):
    desk.away = True
    (folder / "later.csv").write_text(HEAD + "Ada,code-review,90,c.txt,\n")
    await until(lambda: watch.told)
    await asyncio.sleep(0.3)  # several looks
    assert (folder / "later.csv").exists()
    assert watch.told == ["The list later.csv waits. The node does not answer. Nothing was queued."]
    desk.away = False
    assert (await report_of(folder / "taken" / "later.csv.report.json"))["queued"] == 1


async def test_a_list_that_cannot_be_read_is_told_once_and_the_others_are_taken(folder, watch):
    (folder / "gone.csv").symlink_to("no-such-file")  # what a list is that went away after it was listed
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "memory.csv").symlink_to("/proc/self/mem")  # a file that opens and whose beginning nobody can read, root neither
    (folder / "good.csv").write_text(HEAD + "Ada,code-review,90,b.txt,\n")
    assert (await report_of(folder / "taken" / "good.csv.report.json"))["queued"] == 1
    await until(lambda: len(watch.told) == 3)
    await asyncio.sleep(0.3)
    assert sorted(text.split()[2] for text in watch.told) == ["gone.csv", "loop.csv", "memory.csv"]
    assert all("It was not taken; the watch goes on." in text for text in watch.told)
    (folder / "gone.csv").unlink()
    (folder / "gone.csv").write_text(HEAD + "Ada,code-review,90,a.txt,\n")
    assert (await report_of(folder / "taken" / "gone.csv.report.json"))["queued"] == 1


@pytest.mark.parametrize(("name", "text"), [("taken", HEAD + "Ada,code-review,90,a.txt,\n"), ("refused", "{}")])
async def test_a_file_in_the_way_holds_the_move_and_doubles_nothing(desk, folder, watch, name, text):
    (folder / name).write_text("I was here first")
    (folder / "list.csv").write_text(text)
    await until(lambda: watch.told)
    await asyncio.sleep(0.3)
    assert len(watch.told) == 1 and f"cannot be moved to the folder {name}" in watch.told[0]
    assert (folder / name).read_text() == "I was here first" and (folder / "list.csv").exists()
    (folder / name).unlink()
    report = await report_of(folder / name / "list.csv.report.json")
    assert report["queued"] == (1 if name == "taken" else 0), "the report is that of the first time, not of a second one"


async def test_a_folder_that_is_removed_and_comes_back_is_watched_again(folder, watch):
    away = folder.rename(folder.with_name("away"))
    await until(lambda: watch.told)
    await asyncio.sleep(0.3)
    assert len(watch.told) == 1 and "The watched folder lists cannot be read" in watch.told[0]
    away.rename(folder)
    (folder / "good.csv").write_text(HEAD + "Ada,code-review,90,a.txt,\n")
    assert (await report_of(folder / "taken" / "good.csv.report.json"))["queued"] == 1


async def test_a_list_that_is_too_large_is_refused_unread(folder, watch, monkeypatch):
    read = []
    monkeypatch.setattr(watching, "_content", lambda path: read.append(path))
    with (folder / "vast.csv").open("wb") as file:
        file.truncate(watching.MOST_BYTES + 1)
    assert "larger than 16 MiB" in (await report_of(folder / "refused" / "vast.csv.report.json"))["problem"]
    assert read == []


async def test_a_second_list_of_a_name_leaves_the_first_where_it_is(folder, watch):
    for number, name in enumerate(("good.csv", "good-2.csv", "good-3.csv")):
        text = HEAD + f"Ada,code-review,9{number},a.txt,\n"
        (folder / "good.csv").write_text(text)
        assert (await report_of(folder / "taken" / f"{name}.report.json"))["file"] == "good.csv"
        await until(lambda name=name: (folder / "taken" / name).exists())
        assert (folder / "taken" / name).read_text() == text and not (folder / "good.csv").exists()
