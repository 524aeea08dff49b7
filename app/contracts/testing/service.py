"""What a developer asks of tests: which there are, run these, again those that failed, watch, coverage."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.contracts.projects import Project
from app.contracts.testing.coverage import Coverage, read_tracefile
from app.contracts.testing.filters import TestFilter
from app.contracts.testing.forge import Forge, any_of, pattern, refused
from app.contracts.testing.reading import read_list, read_suite
from app.contracts.testing.results import TestCase, TestReport, TestStatus, TestSuite
from app.contracts.testing.traces import read_details
from app.contracts.toolchain import Toolchain
from app.contracts.workspace import edits
from app.core.errors import Conflict, ConsoleError, NotFound

if TYPE_CHECKING:
    from app.core.jobs import Job, Jobs

PARTS = 24  # at most so many starts of forge in a run: each tells how far it is, and costs some tenths of a second
ALL = TestFilter()
_FAILED = "failed.json"


class Tests:
    """Runs the tests of projects; one run at a time, so that two never write one cache."""

    __test__ = False

    def __init__(self, toolchain: Toolchain, cache: Path, open_project: Callable[[Path | None], Project], jobs: Jobs | None = None):
        self._toolchain = toolchain
        self._cache = cache
        self._open = open_project
        self._jobs = jobs
        self._turn = asyncio.Lock()

    async def tree(self, what: Path | Project | None = None, wanted: TestFilter = ALL) -> tuple[TestSuite, ...]:
        """The tests that a project has, not run (``TestStatus.LISTED``). Compiles what changed.

        Args:
            what: a project, its folder, or None for our own contracts.

        Raises: as :meth:`run`.
        """
        async with self._turn:
            return await self._list(self._forge(what), wanted)

    async def run(
        self,
        what: Path | Project | None = None,
        wanted: TestFilter = ALL,
        *,
        report: Callable[[str], None] | None = None,
        each: Callable[[TestSuite], None] | None = None,
        seed: str = "",
        allow_programs: bool = False,
    ) -> TestReport:
        """Run tests. What failed is kept for :meth:`failed`. Whoever cancels it ends forge too.

        Args:
            report: told what is done now.
            each: given every suite once it has run.
            seed: of fuzz and invariant tests, as ``0x…``; default: what the project says.
            allow_programs: run also a project whose tests may start programs (``ffi``).

        Raises:
            Invalid: there is no such folder, or its configuration cannot be read.
            NotFound: no test fits ``wanted``.
            Denied: the tests may start programs, and that was not allowed.
            Unavailable: forge or a library is missing or not what was pinned, or forge could not run the project (its words
                are in the message).
        """
        began = time.monotonic()
        async with self._turn:
            forge = await self._trusted(what, allow_programs)
            if report:
                report("Compiling the sources and the tests")
            listed = await self._list(forge, wanted)
            if wanted != ALL and not listed:
                raise NotFound("No test fits the filter. Nothing was run.", "Widen the filter.")
            suites: list[TestSuite] = []
            for part in _parts(listed):
                if report:
                    report(f"Running {', '.join(suite.name for suite in part)} ({len(suites)} of {len(listed)} suites done)")
                done = await self._run(forge, part, wanted, seed)
                suites += done
                for suite in done:
                    if each:
                        each(suite)
            found = TestReport(forge.project.root, tuple(suites), time.monotonic() - began, seed)
            await asyncio.to_thread(_keep, forge.folder, found, wanted)
            return found

    async def failed(self, what: Path | Project | None = None) -> TestFilter:
        """Exactly the tests that failed when they ran last.

        Raises:
            NotFound: none did, or none ran yet.
        """
        names = await asyncio.to_thread(_kept, self._forge(what).folder)
        if not names:
            raise NotFound("No test of this project failed when it ran last. Nothing was run.", "Run all of them.")
        return TestFilter(only=frozenset(names))

    async def coverage(
        self, what: Path | Project | None = None, wanted: TestFilter = ALL, *, allow_programs: bool = False
    ) -> Coverage:
        """Which lines, functions and branches the tests reach. Compiles and runs anew, without the optimizer.

        Raises: as :meth:`run`.
        """
        async with self._turn:
            forge = await self._trusted(what, allow_programs)
            listed = await self._list(forge, wanted)
            if not listed:
                raise NotFound("No test fits the filter. Nothing was run.", "Widen the filter.")
            file = forge.folder / "coverage.info"
            file.unlink(missing_ok=True)
            asked = ["--report", "lcov", "--report-file", str(file), *_chosen(listed, wanted)]
            _, out, complaints = await forge.run("coverage", *asked, out="coverage")
            deep = not file.exists() and b"tack too deep" in out + complaints
            if deep:
                _, out, complaints = await forge.run("coverage", *asked, "--ir-minimum", out="coverage")
            if not file.exists():
                raise refused(complaints or out)
            lines = out.decode("utf-8", "replace").splitlines()
            passed, failed = (sum(line.startswith(mark) for line in _once(lines)) for mark in ("[PASS]", "[FAIL"))
            return Coverage(read_tracefile(file.read_text(encoding="utf-8")), passed, failed, deep)

    async def gas(self, what: Path | Project | None = None, *, allow_programs: bool = False) -> list[dict[str, Any]]:
        """What the calls of all tests used, contract by contract, as forge reports it.

        Raises:
            Conflict: a test fails: what was called until then says nothing.
            Denied, Invalid, Unavailable: as :meth:`run`.
        """
        async with self._turn:
            forge = await self._trusted(what, allow_programs)
            code, out, complaints = await forge.run("test", "--gas-report", "--json")
            try:
                found = json.loads(out)
            except ValueError:
                raise refused(complaints or out) from None
            if code or not isinstance(found, list):
                raise Conflict("A test fails, so its calls are no measure. Nothing was measured.", "Run: azora contract test")
            return found

    def watch(self, what: Path | Project | None, wanted: TestFilter, done: Callable[[TestReport | ConsoleError], None]) -> Job:
        """A job that runs the tests now and whenever a source or the configuration changes, until it is cancelled.

        Args:
            done: called on the service loop with each report, or with the error that there was none.
        """
        assert self._jobs is not None, "watching needs the console's jobs"
        folder = what.root if isinstance(what, Project) else what or self._toolchain.contracts

        async def work(job: Job) -> None:
            async for _ in edits(folder, folder):
                try:
                    found = await self.run(what, wanted, report=lambda text: job.progress(None, text))
                    job.progress(None, f"{found.passed} passed, {found.failed} failed")
                    done(found)
                except ConsoleError as error:
                    job.progress(None, error.message)
                    done(error)

        return self._jobs.start(f"Testing {folder.name}", work, kind="watch")

    def _forge(self, what: Path | Project | None) -> Forge:
        project = what if isinstance(what, Project) else self._open(what)
        forge = Forge(self._toolchain, self._cache, project)
        if project.root == self._toolchain.contracts:
            self._toolchain.library("openzeppelin")
        return forge

    async def _trusted(self, what: Path | Project | None, allow_programs: bool) -> Forge:
        forge = self._forge(what)
        if not allow_programs:
            await forge.require_no_programs()
        return forge

    async def _list(self, forge: Forge, wanted: TestFilter) -> tuple[TestSuite, ...]:
        suites = read_list(await forge.json("test", "--list"), forge.project.root)
        fitting = [replace(suite, tests=tuple(t for t in suite.tests if wanted.fits(suite.id, t.name))) for suite in suites]
        return tuple(suite for suite in fitting if suite.tests)

    async def _run(self, forge: Forge, part: Sequence[TestSuite], wanted: TestFilter, seed: str) -> list[TestSuite]:
        chosen = _chosen(part, wanted) + (["--fuzz-seed", seed] if seed else [])
        answer = await forge.json("test", "-vv", *chosen)
        read = [read_suite(name, body, forge.project.root) for name, body in sorted(answer.items())]
        if wanted != ALL:
            asked = {(suite.id, test.name) for suite in part for test in suite.tests}
            read = [replace(suite, tests=tuple(t for t in suite.tests if _meant(t, asked))) for suite in read]
        return await self._explained(forge, [suite for suite in read if suite.tests], seed)

    async def _explained(self, forge: Forge, suites: list[TestSuite], seed: str) -> list[TestSuite]:
        """The same with the traces of what failed: those tests run once more, and forge says what it decoded."""
        bad = [replace(s, tests=tuple(t for t in s.tests if t.status is TestStatus.FAILED)) for s in suites if s.failed]
        if not bad:
            return suites
        names = [test.name for suite in bad for test in suite.tests]
        exact = _files(bad) if "setUp()" in names else [*_files(bad), "--match-test", any_of(map(_bare, names), r"\(")]
        asked = [*exact, "-vvvvv", "--suppress-successful-traces", "--color", "never", *(["--fuzz-seed", seed] if seed else [])]
        _, out, _ = await forge.run("test", *asked)
        failed: Mapping[str, list[str]] = {suite.id: [test.name for test in suite.tests] for suite in bad}
        details = await asyncio.to_thread(read_details, out.decode("utf-8", "replace"), failed)

        def explained(test: TestCase) -> TestCase:
            detail = details.get((test.suite, test.name))
            return replace(test, traces=detail.traces, backtrace=detail.backtrace) if detail else test

        return [replace(suite, tests=tuple(map(explained, suite.tests))) for suite in suites]


def _parts(suites: Sequence[TestSuite]) -> list[list[TestSuite]]:
    """Suites of one file together, and as many files at once as ``PARTS`` asks for."""
    files: dict[str, list[TestSuite]] = {}
    for suite in suites:
        files.setdefault(suite.file, []).append(suite)
    size = -(-len(files) // PARTS)
    groups = list(files.values())
    return [[suite for group in groups[at : at + size] for suite in group] for at in range(0, len(groups), size or 1)]


def _files(suites: Sequence[TestSuite]) -> list[str]:
    return ["--match-path", pattern(list(dict.fromkeys(suite.file for suite in suites)))]


def _chosen(suites: Sequence[TestSuite], wanted: TestFilter) -> list[str]:
    """Options that choose at least these tests."""
    if wanted == ALL:
        return _files(suites)
    tests = any_of((_bare(test.name) for suite in suites for test in suite.tests), r"\(")
    return [*_files(suites), "--match-contract", any_of((suite.name for suite in suites), "$"), "--match-test", tests]


def _bare(name: str) -> str:
    return name.partition("(")[0]


def _meant(test: TestCase, asked: set[tuple[str, str]]) -> bool:
    return (test.suite, _bare(test.name)) in asked or test.name == "setUp()"


def _once(lines: list[str]) -> list[str]:
    """Without the failures that forge names again at the end."""
    return lines[: lines.index("Failing tests:")] if "Failing tests:" in lines else lines


def _kept(folder: Path) -> list[str]:
    try:
        names = json.loads((folder / _FAILED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(name) for name in names]


def _keep(folder: Path, report: TestReport, wanted: TestFilter) -> None:
    """What failed; after a run of some only, what failed before among the others stays."""
    ran = {test.id for test in report}
    before = [name for name in _kept(folder) if name not in ran] if wanted != ALL else []
    names = [*before, *(test.id for test in report if test.status is TestStatus.FAILED)]
    (folder / _FAILED).write_text(json.dumps(names), encoding="utf-8")
