"""A test run as JUnit XML, as build servers read it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from app.contracts.testing.results import TestReport, TestStatus, TraceNode

# XML 1.0 has no way to write these (W3C, section 2.2).
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: TestReport) -> str:
    """``testsuites``, one ``testsuite`` per contract; a failure carries reason, counter-example, place and trace."""
    root = ElementTree.Element("testsuites", {"name": report.project.name, **_counts(report, report.seconds)})
    for suite in report.suites:
        part = TestReport(report.project, (suite,))
        element = ElementTree.SubElement(root, "testsuite", {"name": suite.id, **_counts(part, suite.seconds)})
        for test in suite.tests:
            case = ElementTree.SubElement(
                element, "testcase", name=test.name, classname=suite.name, file=suite.file, time=f"{test.seconds:.3f}"
            )
            if test.source.line:
                case.set("line", str(test.source.line))
            if test.status is TestStatus.FAILED:
                message = test.reason + (f"; with {test.counter_example}" if test.counter_example else "")
                failure = ElementTree.SubElement(case, "failure", message=_spoken(message), type=test.kind.value)
                places = [f"at {place.function} ({place})" for place in test.backtrace]
                failure.text = _spoken("\n".join([*places, *(line for trace in test.traces for line in written(trace))]))
            elif test.status is TestStatus.SKIPPED:
                ElementTree.SubElement(case, "skipped", message=_spoken(test.reason))
            if test.logs:
                ElementTree.SubElement(case, "system-out").text = _spoken("\n".join(test.logs))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def written(node: TraceNode, depth: int = 0) -> list[str]:
    """A trace as indented lines."""
    gas = f"[{node.gas}] " if node.gas else ""
    return ["  " * depth + gas + node.text] + [line for child in node.children for line in written(child, depth + 1)]


def _counts(report: TestReport, seconds: float) -> dict[str, str]:
    counts = {"tests": len(report.results), "failures": report.failed, "errors": 0, "skipped": report.skipped}
    return {**{name: str(count) for name, count in counts.items()}, "time": f"{seconds:.3f}"}


def _spoken(text: str) -> str:
    return _UNSPEAKABLE.sub("�", text)
