"""forge runs offline over our compiler, and what fails is told with its place, its arguments and its calls."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.contracts import TestFilter, TestKind, TestReport, Tests, TestStatus, Toolchain, TraceKind
from app.contracts.projects import open_project, ours
from app.contracts.testing import TraceNode, junit
from app.core.errors import Denied, Invalid, NotFound, Unavailable
from app.core.jobs import Jobs

pytestmark = [pytest.mark.compiler]
COUNTER = Path(__file__).parents[1] / "data" / "counter"
SUITE = "test/Counter.t.sol:CounterTest"


def forged(folder: Path, cache: Path, jobs: Jobs | None = None) -> Tests:
    """The tests of a project, with a cache of their own."""
    return Tests(Toolchain(), cache, lambda named: open_project(named or folder), jobs)


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> tuple[Tests, TestReport]:
    """One run of the project whose tests fail in every way."""
    tests = forged(COUNTER, tmp_path_factory.mktemp("forge"))
    return tests, asyncio.run(tests.run(COUNTER))


def case(report: TestReport, name: str):
    return next(test for test in report if test.name.partition("(")[0] == name)


def every(node: TraceNode) -> list[TraceNode]:
    return [node, *(found for child in node.children for found in every(child))]


def line_of(file: str, text: str) -> int:
    lines = (COUNTER / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_every_kind_of_end_is_told_apart(ran):
    report = ran[1]
    ends = {test.name.partition("(")[0]: (test.status, test.kind) for test in report}
    assert ends == {
        "setUp": (TestStatus.FAILED, TestKind.SETUP),
        "invariant_small": (TestStatus.FAILED, TestKind.INVARIANT),
        "invariant_true": (TestStatus.PASSED, TestKind.INVARIANT),
        "testFuzz_small": (TestStatus.FAILED, TestKind.FUZZ),
        "test_custom": (TestStatus.FAILED, TestKind.UNIT),
        "test_it_counts": (TestStatus.PASSED, TestKind.UNIT),
        "test_it_fails": (TestStatus.FAILED, TestKind.UNIT),
        "test_panic": (TestStatus.FAILED, TestKind.UNIT),
        "test_skipped": (TestStatus.SKIPPED, TestKind.UNIT),
        "test_vm": (TestStatus.FAILED, TestKind.UNIT),
    }
    assert (report.passed, report.failed, report.skipped) == (2, 7, 1)
    assert case(report, "test_it_counts").gas > 21_000
    assert case(report, "test_it_counts").logs == ("count is 7",)
    assert case(report, "invariant_true").calls == 32


def test_a_failure_names_its_line_its_reason_and_its_calls(ran):
    failed = case(ran[1], "test_custom")
    assert failed.reason == "TooLarge(8000, 1000)"
    assert str(failed.where) == f"src/Counter.sol:{line_of('src/Counter.sol', 'revert TooLarge')}"
    inner, outer = failed.backtrace
    assert (inner.function, outer.function) == ("Counter.set", "CounterTest.test_custom")
    assert outer.line == line_of("test/Counter.t.sol", "counter.set(8000)")
    set_up, execution = failed.traces
    assert set_up.ok and set_up.text == "CounterTest::setUp()"
    assert not execution.ok and execution.gas > 0 and execution.text == "CounterTest::test_custom()"
    call = execution.children[0]
    assert (call.kind, call.text, call.ok) == (TraceKind.CALL, "Counter::set(8000)", False)
    assert call.children[0].text == "[Revert] TooLarge(8000, 1000)"


def test_a_trace_has_events_storage_and_logs_where_they_happened(ran):
    execution = case(ran[1], "test_it_fails").traces[-1]
    setting = next(node for node in execution.children if node.text == "Counter::set(8)")
    kinds = [node.kind for node in setting.children]
    assert kinds == [TraceKind.EVENT, TraceKind.STORAGE, TraceKind.RESULT]
    assert setting.children[0].text.startswith("Counted(who: CounterTest: [0x")
    assert setting.children[1].children[0].text == "@ 0: 0 → 8"
    assert any(node.text.startswith('console::log("count is", 8)') for node in every(execution))
    assert case(ran[1], "test_it_fails").logs == ("count is 8",)


def test_counter_examples_carry_the_exact_calls(ran):
    single = case(ran[1], "testFuzz_small").counter_example
    assert single is not None and len(single.calls) == 1
    assert int(single.calls[0].calldata[10:], 16) > 1000
    sequence = case(ran[1], "invariant_small").counter_example
    assert sequence is not None and sequence.calls[-1].signature == "set(uint256)"
    assert int(sequence.calls[-1].calldata[10:], 16) % 1000 >= 10
    assert sequence.calls[-1].contract == "test/Counter.t.sol:Handler"


@pytest.mark.asyncio
async def test_tests_run_no_programs_unless_somebody_allowed_it(tmp_path):
    folder = tmp_path / "curious"
    shutil.copytree(COUNTER, folder)
    left = tmp_path / "left"
    (folder / "test" / "Counter.t.sol").write_text(
        "pragma solidity ^0.8.0; interface Vm { function ffi(string[] calldata) external returns (bytes memory); }"
        " contract T { function test_ffi() public { string[] memory words = new string[](2); "
        f' words[0] = "touch"; words[1] = "{left}";'
        ' Vm(address(uint160(uint256(keccak256("hevm cheat code"))))).ffi(words); } }',
        encoding="utf-8",
    )
    with (folder / "foundry.toml").open("a", encoding="utf-8") as file:
        file.write("ffi = true\n")
    tests = forged(folder, tmp_path / "cache")
    with pytest.raises(Denied, match="ffi = true"):
        await tests.run(folder)
    assert not left.exists()
    assert (await tests.run(folder, allow_programs=True)).passed == 1
    assert left.exists()


def test_junit_says_the_same_to_build_servers(ran):
    root = ElementTree.fromstring(junit(ran[1]))
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("10", "7", "1")
    custom = root.find(".//testcase[@name='test_custom()']")
    assert custom.get("classname") == "CounterTest" and custom.get("file") == "test/Counter.t.sol"
    assert int(custom.get("line")) == line_of("test/Counter.t.sol", "function test_custom")
    failure = custom.find("failure")
    assert failure.get("message") == "TooLarge(8000, 1000)" and "Counter::set(8000)" in failure.text
    assert root.find(".//testcase[@name='test_it_counts()']/failure") is None


def test_what_failed_runs_again_and_nothing_else(ran):
    tests, report = ran
    again = asyncio.run(tests.run(COUNTER, asyncio.run(tests.failed(COUNTER))))
    assert {test.id for test in again} == {test.id for test in report if test.status is TestStatus.FAILED}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (TestFilter(test="^test_it_"), {"test_it_counts", "test_it_fails"}),
        (TestFilter(contract="Invariants"), {"invariant_small", "invariant_true"}),
        (TestFilter(text="CounterTest test_p"), {"test_panic"}),
        (TestFilter(only=frozenset({f"{SUITE} test_vm()"})), {"test_vm"}),
    ],
)
def test_a_filter_chooses_exactly_what_it_says(ran, wanted, names):
    tests = ran[0]
    listed = asyncio.run(tests.tree(COUNTER, wanted))
    assert {test.name for suite in listed for test in suite.tests} == names
    assert all(test.status is TestStatus.LISTED and test.source.line for suite in listed for test in suite.tests)
    assert {test.name.partition("(")[0] for test in asyncio.run(tests.run(COUNTER, wanted))} == names


def test_a_filter_that_fits_nothing_says_so(ran):
    with pytest.raises(NotFound, match="No test fits"):
        asyncio.run(ran[0].run(COUNTER, TestFilter(path="src/*.sol")))
    with pytest.raises(Invalid) as refused:
        TestFilter(test="(")
    assert refused.value.field == "test"


def test_coverage_names_the_lines_that_no_test_reaches(ran):
    reached = asyncio.run(ran[0].coverage(COUNTER, TestFilter(contract="CounterTest")))
    (file,) = (file for file in reached.files if file.file == "src/Counter.sol")
    assert file.missed == (line_of("src/Counter.sol", "function never"), line_of("src/Counter.sol", "return 7"))
    assert file.branches_hit == len(file.branches) == 1
    assert not reached.approximate and reached.passed == 1


def test_our_contracts_are_reached_in_every_line_and_branch(tmp_path):
    reached = asyncio.run(Tests(Toolchain(), tmp_path, lambda _: ours()).coverage())
    own = [file for file in reached.files if file.file.startswith("src/")]
    assert len(own) >= 6 and reached.failed == 0
    assert {file.file: (file.missed, file.branches_missed) for file in own} == {file.file: ((), ()) for file in own}


def test_nothing_is_left_in_the_project(ran):
    assert sorted(path.name for path in COUNTER.iterdir()) == ["foundry.toml", "src", "test"]


@pytest.mark.asyncio
async def test_whoever_stops_waiting_stops_forge(tmp_path):
    """A test that never ends, and everything that forge started, are gone once the run is cancelled."""
    folder = tmp_path / "endless"
    shutil.copytree(COUNTER, folder)
    (folder / "test" / "Counter.t.sol").write_text(
        "pragma solidity ^0.8.0; contract T { function test_on() public pure { while (true) {} } }", encoding="utf-8"
    )
    with (folder / "foundry.toml").open("a", encoding="utf-8") as file:
        file.write('gas_limit = "18446744073709551615"\n')
    started = asyncio.Event()
    tests = forged(folder, tmp_path / "cache")
    running = asyncio.ensure_future(tests.run(folder, report=lambda text: started.set() if text.startswith("Running") else None))
    await started.wait()
    while not mine(tmp_path):
        await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert mine(tmp_path) == []


def mine(folder: Path) -> list[str]:
    """Processes over this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if entry.name.isdigit() and int(entry.name) != os.getpid() and str(folder) in words:
            found.append(words)
    return found


@pytest.mark.asyncio
async def test_a_watch_runs_again_when_a_source_changes(tmp_path):
    folder = tmp_path / "watched"
    shutil.copytree(COUNTER, folder)
    jobs, seen = Jobs(), asyncio.Queue()
    tests = forged(folder, tmp_path / "cache", jobs)
    job = tests.watch(folder, TestFilter(test="^test_it_fails"), seen.put_nowait)
    try:
        assert (await seen.get()).failed == 1
        file = folder / "test" / "Counter.t.sol"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("counter.set(8);\n        console", "counter.set(7);\n        console"), encoding="utf-8")
        after = await seen.get()
        assert (after.failed, after.passed) == (0, 1)
    finally:
        job.cancel()
        await jobs.close()


@pytest.mark.asyncio
async def test_a_broken_contract_is_told_by_the_tests_it_breaks(project, tmp_path):
    source = project / "src" / "Redemption.sol"
    text = source.read_text(encoding="utf-8")
    assert "token.burn(found.amount);" in text
    source.write_text(text.replace("token.burn(found.amount);", ""), encoding="utf-8")
    report = await forged(project, tmp_path / "cache").run(project, TestFilter(path="test/[RI]*.sol"))
    names = {result.name for result in report.results if not result.passed}
    assert "test_completion_burns_and_names_the_payment()" in names
    assert "invariant_the_economy_adds_up()" in names
    assert report.failed == len(report.failures) == len(names)
    assert report.passed > 5  # the others still ran
    assert any("burned" in failure for failure in report.failures)


@pytest.mark.asyncio
async def test_sources_that_do_not_compile_are_no_success(tmp_path):
    folder = tmp_path / "wrong"
    shutil.copytree(COUNTER, folder)
    (folder / "src" / "Wrong.sol").write_text("pragma solidity 0.8.20; contract Wrong { nothing x; }", encoding="utf-8")
    with pytest.raises(Unavailable, match=r"Wrong\.sol"):
        await forged(folder, tmp_path / "cache").run(folder)


@pytest.mark.asyncio
async def test_without_the_pinned_forge_nothing_runs(project, tmp_path):
    (project / "toolchain.json").write_text(
        '{"tools": [{"name": "forge", "package": "@foundry-rs/forge-linux-amd64", "version": "1.7.1",'
        ' "files": {"bin/forge": "00"}}]}',
        encoding="utf-8",
    )
    with pytest.raises(Unavailable, match="forge cannot be used"):
        await Tests(Toolchain(project), tmp_path / "cache", lambda _: open_project(project)).run(project)
