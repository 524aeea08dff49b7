"""What a test run gave, as a tree of values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class TestKind(StrEnum):
    """How forge runs a test. ``SETUP`` is a ``setUp`` that failed: the suite's tests did not run."""

    __test__ = False
    UNIT = "unit"
    FUZZ = "fuzz"
    INVARIANT = "invariant"
    TABLE = "table"
    SETUP = "setup"


class TestStatus(StrEnum):
    """How a test ended; ``LISTED`` is one that was not run yet."""

    __test__ = False
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    LISTED = "listed"


class TraceKind(StrEnum):
    """What a line of a trace is."""

    CALL = "call"
    EVENT = "event"
    STORAGE = "storage"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a source (from 1). ``file`` is relative to the project; ``function`` is what ran there, as ``Contract.name``."""

    file: str
    line: int
    function: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else self.function


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a counter-example: who called what with which arguments (forge's words; ``calldata`` is exact)."""

    calldata: str
    arguments: str = ""
    sender: str = ""
    address: str = ""
    contract: str = ""
    signature: str = ""

    def __str__(self) -> str:
        what = f"{self.contract.rpartition(':')[2]}.{self.signature.partition('(')[0]}({self.arguments})"
        return what if self.signature else self.arguments


@dataclass(frozen=True, slots=True)
class CounterExample:
    """The arguments that break a fuzz test (one call), or the calls that break an invariant: ``original`` before shrinking."""

    calls: tuple[Call, ...]
    original: int = 1

    def __str__(self) -> str:
        return "; ".join(str(call) for call in self.calls)


@dataclass(frozen=True, slots=True)
class TraceNode:
    """One line of a call trace, decoded by forge. ``gas`` is what a call used; ``ok`` is False where it reverted."""

    kind: TraceKind
    text: str
    gas: int = 0
    ok: bool = True
    children: tuple[TraceNode, ...] = ()


@dataclass(frozen=True, slots=True)
class TestCase:
    """One test.

    Attributes:
        name: with the types of its arguments, as ``test_it(uint256)``.
        reason: why it failed or was skipped.
        gas: of a unit test; the mean of a fuzz test.
        median_gas: of a fuzz test.
        runs: of a fuzz or invariant test.
        calls: of an invariant test, with the ``reverts`` among them.
        seconds: what it took.
        logs: what it said with ``console.log`` or log events.
        traces: of a failed test: set-up, then execution. A trace too long to be kept ends with a line that says so.
        backtrace: where it failed, innermost first.
        source: where the test stands; line 0 where it is inherited.
    """

    __test__ = False
    suite: str
    name: str
    status: TestStatus
    kind: TestKind = TestKind.UNIT
    reason: str = ""
    gas: int = 0
    median_gas: int = 0
    runs: int = 0
    calls: int = 0
    reverts: int = 0
    seconds: float = 0.0
    logs: tuple[str, ...] = ()
    counter_example: CounterExample | None = None
    traces: tuple[TraceNode, ...] = ()
    backtrace: tuple[Place, ...] = ()
    source: Place = field(default_factory=lambda: Place("", 0))

    @property
    def passed(self) -> bool:
        """Whether it held."""
        return self.status is TestStatus.PASSED

    @property
    def id(self) -> str:
        """``file:Contract test(types)``, unique in a project."""
        return f"{self.suite} {self.name}"

    @property
    def where(self) -> Place:
        """The innermost line of its own file or contracts that failed; where the test stands, when none is known."""
        named = [place for place in self.backtrace if place.line]
        own = [place for place in named if not place.file.startswith(("lib/", "node_modules/"))]
        return (own or named or [self.source])[0]


@dataclass(frozen=True, slots=True)
class TestSuite:
    """The tests of one contract. ``id`` is ``test/File.t.sol:Contract``."""

    __test__ = False
    id: str
    tests: tuple[TestCase, ...]
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Its source, relative to the project."""
        return self.id.rpartition(":")[0]

    @property
    def name(self) -> str:
        """Its contract."""
        return self.id.rpartition(":")[2]

    @property
    def failed(self) -> int:
        """How many did not hold."""
        return sum(test.status is TestStatus.FAILED for test in self.tests)


@dataclass(frozen=True, slots=True)
class TestReport:
    """What a run gave. ``seconds`` is what all of it took."""

    __test__ = False
    project: Path
    suites: tuple[TestSuite, ...]
    seconds: float = 0.0
    seed: str = ""

    @property
    def results(self) -> tuple[TestCase, ...]:
        """All tests, in order."""
        return tuple(self)

    def __iter__(self) -> Iterator[TestCase]:
        return (test for suite in self.suites for test in suite.tests)

    def count(self, status: TestStatus) -> int:
        """How many ended so."""
        return sum(test.status is status for test in self)

    @property
    def passed(self) -> int:
        """How many held."""
        return self.count(TestStatus.PASSED)

    @property
    def failed(self) -> int:
        """How many did not."""
        return self.count(TestStatus.FAILED)

    @property
    def skipped(self) -> int:
        """How many were skipped by themselves."""
        return self.count(TestStatus.SKIPPED)

    @property
    def failures(self) -> tuple[str, ...]:
        """``suite test: reason`` of those that did not hold, with counter-example and place."""
        return tuple(_said(test) for test in self if test.status is TestStatus.FAILED)

    def summary(self) -> Mapping[str, int]:
        """Counts by status."""
        return {"passed": self.passed, "failed": self.failed, "skipped": self.skipped}


def _said(test: TestCase) -> str:
    text = f"{test.suite.rpartition(':')[2]} {test.name}: {test.reason}"
    if test.counter_example is not None:
        text += f" with {test.counter_example}"[:600]
    return f"{text} at {test.where}" if test.where.line else text
