"""forge's JSON, read into values."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.contracts.testing.results import Call, CounterExample, Place, TestCase, TestKind, TestStatus, TestSuite

_STATUS = {"Success": TestStatus.PASSED, "Failure": TestStatus.FAILED, "Skipped": TestStatus.SKIPPED}
_PART = re.compile(r"(\d+)(h|m|s|ms|µs|ns)\b")
_UNIT = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}


def read_suite(suite_id: str, body: Mapping[str, Any], root: Path) -> TestSuite:
    """One entry of what ``forge test --json`` answers."""
    tests = tuple(_case(suite_id, name, test, root) for name, test in body["test_results"].items())
    return TestSuite(suite_id, tests, _seconds(body.get("duration")), tuple(str(text) for text in body.get("warnings") or ()))


def read_list(answer: Mapping[str, Mapping[str, list[str]]], root: Path) -> tuple[TestSuite, ...]:
    """What ``forge test --list --json`` answers; names come without the types of arguments."""
    return tuple(
        TestSuite(f"{file}:{contract}", tuple(_listed(f"{file}:{contract}", name, root) for name in dict.fromkeys(names)))
        for file, contracts in sorted(answer.items())
        for contract, names in sorted(contracts.items())
    )


def _listed(suite_id: str, name: str, root: Path) -> TestCase:
    kind = TestKind.INVARIANT if name.startswith(("invariant", "statefulFuzz")) else TestKind.UNIT
    return TestCase(suite_id, name, TestStatus.LISTED, kind, source=_source(root, suite_id, name))


def _case(suite_id: str, name: str, test: Mapping[str, Any], root: Path) -> TestCase:
    kind, said = next(iter(test["kind"].items()))
    return TestCase(
        suite=suite_id,
        name=name,
        status=_STATUS[test["status"]],
        kind=TestKind.SETUP if name == "setUp()" else TestKind(kind.lower()),
        reason=str(test.get("reason") or ""),
        gas=int(said.get("gas") or said.get("mean_gas") or 0),
        median_gas=int(said.get("median_gas") or 0),
        runs=int(said.get("runs") or 0),
        calls=int(said.get("calls") or 0),
        reverts=int(said.get("reverts") or 0),
        seconds=_seconds(test.get("duration")),
        logs=tuple(str(line) for line in test.get("decoded_logs") or ()),
        counter_example=_counter_example(test.get("counterexample")),
        source=_source(root, suite_id, name),
    )


def _counter_example(given: Any) -> CounterExample | None:
    if not given:
        return None
    kind, said = next(iter(given.items()))
    if kind == "Single":
        return CounterExample((_call(said),))
    original, calls = said
    return CounterExample(tuple(_call(call) for call in calls), int(original))


def _call(said: Mapping[str, Any]) -> Call:
    texts = (said.get(name) for name in ("calldata", "args", "sender", "addr", "contract_name", "signature"))
    return Call(*(str(text or "") for text in texts))


def _source(root: Path, suite_id: str, name: str) -> Place:
    """Where a test stands in its suite's file."""
    file = suite_id.rpartition(":")[0]
    return Place(file, _functions(root / file).get(name.partition("(")[0], 0))


@functools.lru_cache(512)
def _functions_at(file: Path, changed: int) -> dict[str, int]:
    lines = enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
    found: dict[str, int] = {}
    for number, line in lines:
        if match := re.search(r"\bfunction\s+(\w+)\s*\(", line):
            found.setdefault(match[1], number)
    return found


def _functions(file: Path) -> dict[str, int]:
    try:
        return _functions_at(file, file.stat().st_mtime_ns)
    except OSError:
        return {}  # inherited, and its file is not where forge names it


def _seconds(text: object) -> float:
    """``3s 763ms 360µs`` as seconds."""
    return sum(int(number) * _UNIT[unit] for number, unit in _PART.findall(str(text or "")))
