"""Foundry-style tests through the pinned forge, offline, with our compiler behind it.

What forge says becomes a tree of values: suites, tests, counter-examples, logs, calls, places in the sources. Nothing of a
project is changed: what forge builds and keeps lies under the console's cache.
"""

from app.contracts.testing.coverage import Coverage, FileCoverage
from app.contracts.testing.filters import TestFilter
from app.contracts.testing.junit import junit
from app.contracts.testing.results import (
    Call,
    CounterExample,
    Place,
    TestCase,
    TestKind,
    TestReport,
    TestStatus,
    TestSuite,
    TraceKind,
    TraceNode,
)
from app.contracts.testing.service import Tests

__all__ = [
    "Call",
    "CounterExample",
    "Coverage",
    "FileCoverage",
    "Place",
    "TestCase",
    "TestFilter",
    "TestKind",
    "TestReport",
    "TestStatus",
    "TestSuite",
    "Tests",
    "TraceKind",
    "TraceNode",
    "junit",
]
