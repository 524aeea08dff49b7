"""Coverage by line, function and branch, out of the tracefile that forge writes (format of lcov's geninfo)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """One source.

    Attributes:
        lines: ``(line, hits)``, lines with code only.
        functions: ``(line, name, hits)``.
        branches: ``(line, branch, path, hits)``; a path that was never reached at all has 0.
    """

    file: str
    lines: tuple[tuple[int, int], ...]
    functions: tuple[tuple[int, str, int], ...]
    branches: tuple[tuple[int, int, int, int], ...]

    @property
    def lines_hit(self) -> int:
        """How many lines ran."""
        return sum(hits > 0 for _, hits in self.lines)

    @property
    def branches_hit(self) -> int:
        """How many paths were taken."""
        return sum(hits > 0 for *_, hits in self.branches)

    @property
    def missed(self) -> tuple[int, ...]:
        """The lines that never ran."""
        return tuple(line for line, hits in self.lines if not hits)

    @property
    def branches_missed(self) -> tuple[int, ...]:
        """The lines with a path that was never taken."""
        return tuple(dict.fromkeys(line for line, _, _, hits in self.branches if not hits))


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the tests reached. Compiled without the optimizer, so that lines stay apart.

    ``approximate``: the sources were too deep for that and went through the intermediate language; lines may be off.
    """

    files: tuple[FileCoverage, ...]
    passed: int = 0
    failed: int = 0
    approximate: bool = False

    def share(self) -> float:
        """Lines that ran, 0..1."""
        lines = sum(len(file.lines) for file in self.files)
        return sum(file.lines_hit for file in self.files) / lines if lines else 0.0


def read_tracefile(text: str) -> tuple[FileCoverage, ...]:
    """All sources of a tracefile, in order."""
    return tuple(_file(record.splitlines()) for record in text.split("end_of_record") if "SF:" in record)


def _file(lines: Iterable[str]) -> FileCoverage:
    name = ""
    ran: list[tuple[int, int]] = []
    starts: dict[str, int] = {}
    functions: list[tuple[int, str, int]] = []
    branches: list[tuple[int, int, int, int]] = []
    for text in lines:
        key, _, value = text.partition(":")
        fields = value.split(",")
        if key == "SF":
            name = value
        elif key == "DA":
            ran.append((int(fields[0]), int(fields[1])))
        elif key == "FN":
            starts[fields[-1]] = int(fields[0])
        elif key == "FNDA":
            functions.append((starts.get(fields[1], 0), fields[1], int(fields[0])))
        elif key == "BRDA":
            line, branch, path, hits = fields
            branches.append((int(line), int(branch), int(path), 0 if hits == "-" else int(hits)))
    return FileCoverage(name, tuple(sorted(ran)), tuple(sorted(functions)), tuple(sorted(branches)))
