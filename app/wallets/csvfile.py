"""CSV that people bring from spreadsheets and take back to them: read strictly, written so that no cell becomes a formula.

Nothing is guessed: the first line names the columns, the delimiter is the one that splits it into known names, the text is UTF-8 or
UTF-16 with its mark. What cannot be read for sure is refused with the line it stands on.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.errors import Invalid

MOST_BYTES = 4 * 2**20
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# What spreadsheets take for the beginning of a formula (OWASP, CSV injection). An apostrophe before it makes it text; where there
# are some already one more is put, so that reading takes away exactly what writing added.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class Row:
    """One record. ``line`` is the line of the file on which it begins, from 1; ``cells`` by column, without outer blanks."""

    line: int
    cells: Mapping[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The records of a file and the delimiter that it uses."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    delimiter: str


def text_of(data: bytes | str) -> str:
    """The text of a file.

    Raises:
        Invalid: too large, neither UTF-8 nor marked UTF-16, or with characters that no text has.
    """
    if len(data) > MOST_BYTES:
        raise Invalid(f"The file is larger than {MOST_BYTES // 2**20} MiB. Nothing was read.", "Split it.", field="file")
    if isinstance(data, bytes):
        mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
        try:
            text = data[len(mark) :].decode(encoding)
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise Invalid(
                f"The file is not UTF-8: line {line} has bytes that are no character of it. Nothing was read.",
                "Save it as “CSV UTF-8”.",
                field="file",
            ) from None
    else:
        text = data.removeprefix("\ufeff")
    if (at := text.find("\0")) >= 0:
        raise Invalid(
            f"Line {text.count(chr(10), 0, at) + 1} has a NUL character: this is no CSV file. Nothing was read.",
            "Save it as “CSV UTF-8”.",
            field="file",
        )
    return text


def read(data: bytes | str, columns: Mapping[str, Sequence[str]], required: Sequence[str], most: int) -> Table:
    """The records of a CSV file.

    Args:
        columns: the names a heading may have (small letters), by the column it means.
        required: columns that must be there.
        most: how many records at most.

    Raises:
        Invalid: the file cannot be read for sure; the line is named. A record with too many or too few cells has a ``problem``.
    """
    text = text_of(data)
    if not text.strip():
        raise Invalid("The file is empty. Nothing was read.", _needs(required), field="file")
    delimiter, names = _heading(text, columns, required)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    begins = 1
    try:
        for record in reader:
            line, begins = begins, reader.line_num + 1
            if line == 1 or not any(cell.strip() for cell in record):
                continue
            if len(rows) == most:
                raise Invalid(f"The file has more than {most:,} rows. Nothing was read.", "Split it.", field="file")
            rows.append(_row(line, record, names))
    except csv.Error as error:
        raise Invalid(f"Line {begins}: {error}. Nothing was read.", "Correct the quotes in that line.", field="file") from None
    return Table(tuple(rows), tuple(name for name in names if name), delimiter)


def _heading(text: str, columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> tuple[str, list[str]]:
    first = io.StringIO(text, newline="").readline()
    means = {name: column for column, names in columns.items() for name in names}
    found: dict[str, list[str]] = {}
    for delimiter in DELIMITERS:
        try:
            cells = next(csv.reader([first], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        names = [means.get(" ".join(cell.split()).casefold(), "") for cell in cells]
        if all(column in names for column in required):
            found[delimiter] = names
    if not found:
        raise Invalid("The first line does not name the columns. Nothing was read.", _needs(required), field="file")
    if len(found) > 1 and len(required) > 1:
        raise Invalid(
            f"The first line can be split by {' and by '.join(DELIMITERS[one] for one in found)}. Nothing was read.",
            "Use one delimiter.",
            field="file",
        )
    delimiter, names = max(found.items(), key=lambda item: len(item[1]))
    twice = next((name for name in names if name and names.count(name) > 1), "")
    if twice:
        raise Invalid(f"Two columns mean “{twice}”. Nothing was read.", "Leave one of them.", field="file")
    return delimiter, names


def _needs(required: Sequence[str]) -> str:
    return f"The first line must name the columns, in any order, among them {' and '.join(f'“{name}”' for name in required)}."


def _row(line: int, record: Sequence[str], names: Sequence[str]) -> Row:
    cells = {name: unguarded(cell.strip()) for name, cell in zip(names, record, strict=False) if name}
    if len(record) > len(names) and any(cell.strip() for cell in record[len(names) :]):
        return Row(line, cells, f"has {len(record)} cells, the first line has {len(names)}")
    if len(record) < len(names):
        return Row(
            line, {name: cells.get(name, "") for name in names if name}, f"has {len(record)} cells, the first line has {len(names)}"
        )
    return Row(line, cells)


def write(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """CSV text (RFC 4180, UTF-8 when encoded) in which every cell stays text."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([[guarded(str(cell)) for cell in row] for row in rows])
    return out.getvalue()


def guarded(cell: str) -> str:
    """The cell so that no spreadsheet computes it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """Inverse of :func:`guarded`."""
    return cell[1:] if _GUARDED.match(cell) else cell
