"""The sources of a project and what they import, by the names that the compiler will know them by."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from app.core.errors import Invalid

_IMPORT = re.compile(r"""(?:^|[;}])\s*import\s*(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']""", re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_SKIPPED = frozenset({"node_modules", "typechain-types"})


@dataclass(frozen=True, slots=True)
class Remapping:
    """``context:prefix=target`` as the compiler takes it."""

    context: str
    prefix: str
    target: str

    @classmethod
    def parse(cls, text: str) -> Remapping:
        """Read one line.

        Raises:
            Invalid: it has no ``=``, or nothing before it.
        """
        left, sign, target = text.strip().partition("=")
        context, colon, prefix = left.rpartition(":")
        if not sign or not prefix:
            raise Invalid(f"“{text.strip()}” is no remapping. Nothing was compiled.", "Write prefix/=folder/.", field="remappings")
        return cls(context if colon else "", prefix, target)

    def __str__(self) -> str:
        return f"{self.context}:{self.prefix}={self.target}" if self.context else f"{self.prefix}={self.target}"


def remapped(name: str, importer: str, remappings: Sequence[Remapping]) -> str:
    """The name after the remapping with the longest context, then the longest prefix; the last of equals wins (as in solc)."""
    best: Remapping | None = None
    for each in remappings:
        if not (importer.startswith(each.context) and name.startswith(each.prefix)):
            continue
        if best is None or (len(each.context), len(each.prefix)) >= (len(best.context), len(best.prefix)):
            best = each
    return name if best is None else best.target + name[len(best.prefix) :]


def files_under(folder: Path, endings: tuple[str, ...] = (".sol",)) -> list[Path]:
    """All files below with one of these endings, in order; not those of packages, nor in hidden folders.

    Such folders are not even looked into: a ``node_modules`` has tens of thousands of files.
    """
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        found += [Path(place, name) for name in names if name.endswith(endings)]
    return sorted(file for file in found if file.is_file())


def gather(
    folder: Path,
    libraries: Path | Sequence[Path],
    only: Path | None = None,
    *,
    base: Path | None = None,
    remappings: Sequence[Remapping] = (),
    places: dict[str, Path] | None = None,
) -> dict[str, str]:
    """All sources under ``folder`` and what they import, by the names the compiler will know them by.

    Names are relative to ``base`` (default: ``folder``'s parent, so ``src/AzoraToken.sol``) and to ``libraries``
    (``@openzeppelin/…``), after the remappings.

    Args:
        only: this one file and what it imports.
        places: filled with the file of each name.

    Raises:
        Invalid: an import leads nowhere; the message names file and import.
    """
    root = base or folder.parent
    known = [root, libraries] if isinstance(libraries, Path) else [root, *libraries]
    files = [only] if only is not None else files_under(folder)
    waiting = [(file.relative_to(root).as_posix(), file) for file in files]
    found: dict[str, str] = {}
    while waiting:
        name, file = waiting.pop()
        if name in found:
            continue
        found[name] = text = _text(file)
        if places is not None:
            places[name] = file
        for wanted in imports(text):
            imported = normal(PurePosixPath(name).parent / wanted) if wanted.startswith(".") else wanted
            imported = remapped(imported, name, remappings)
            place = next((place for place in (at / imported for at in known) if place.is_file()), None)
            if place is None:
                raise Invalid(
                    f"{name} imports “{wanted}”, which is not there. Nothing was compiled.",
                    "Correct the path or the remappings, or install the library into the project's folder.",
                    field=name,
                    details={"file": name, "import": wanted, "looked_in": ", ".join(str(at) for at in known)},
                )
            waiting.append((imported, place))
    return dict(sorted(found.items()))


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")  # line ends as they are: they are part of what the metadata hashes
    except OSError as error:
        raise Invalid(f"{file.name} cannot be read ({error.strerror}). Nothing was compiled.", field=file.name) from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{file.name} is not text (UTF-8). Nothing was compiled.", field=file.name) from error


@functools.lru_cache(4096)
def imports(text: str) -> tuple[str, ...]:
    """What a source imports, as written; those in comments are not."""
    return tuple(_IMPORT.findall(_COMMENT.sub("", text)))


def normal(path: PurePosixPath) -> str:
    """The path without ``.`` and ``..``."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def library_remappings(root: Path, libs: Iterable[Path]) -> list[Remapping]:
    """What Foundry makes of ``lib/NAME`` by itself: ``NAME/=lib/NAME/src/``, and that library's own remappings below it."""
    found: list[Remapping] = []
    for lib in libs:
        if lib.name == "node_modules" or not lib.is_dir():
            continue
        for folder in sorted(path for path in lib.iterdir() if path.is_dir() and not path.name.startswith(".")):
            at = folder.relative_to(root).as_posix()
            inside = next((name for name in ("src", "contracts") if (folder / name).is_dir()), "")
            found.append(Remapping("", f"{folder.name}/", f"{at}/{inside}/" if inside else f"{at}/"))
            for each in read_remappings(folder / "remappings.txt"):
                found.append(Remapping(each.context, each.prefix, f"{at}/{each.target}"))
    return found


def read_remappings(file: Path) -> list[Remapping]:
    """The lines of a ``remappings.txt``; none when there is no such file."""
    if not file.is_file():
        return []
    return [Remapping.parse(line) for line in _text(file).splitlines() if line.strip() and not line.startswith("#")]
