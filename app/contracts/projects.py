"""A folder of Solidity as a project: where its sources are, which compiler it wants and how.

Foundry's ``foundry.toml`` and ``remappings.txt``, Hardhat's configuration, or nothing at all: then 0.8.20, optimizer 200 runs,
EVM paris. Nothing of a project is ever run.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.contracts import hardhat
from app.contracts.hardhat import HardhatConfig, ProjectNetwork
from app.contracts.solc import OUTPUTS
from app.contracts.sources import Remapping, gather, library_remappings, read_remappings
from app.contracts.toolchain import CONTRACTS
from app.contracts.versions import DEFAULT, EVM_VERSIONS, choose, release
from app.core.errors import Invalid


class ProjectKind(StrEnum):
    """Whose layout a folder has."""

    PLAIN = "plain"
    FOUNDRY = "foundry"
    HARDHAT = "hardhat"


@dataclass(frozen=True, slots=True)
class CompilerSettings:
    """How a project is compiled. No ``version``: what the pragmas allow; no ``evm_version``: the compiler's own default.

    ``runs``: how often the optimizer expects code to run, 1 to 2³²−1.
    """

    version: str = ""
    optimizer: bool = True
    runs: int = 200
    via_ir: bool = False
    evm_version: str = "paris"
    remappings: tuple[str, ...] = ()
    bytecode_hash: str = "ipfs"

    def __post_init__(self) -> None:
        if not 0 <= self.runs < 2**32:
            raise Invalid("The optimizer's runs are 0 to 4294967295. Nothing was compiled.", field="runs")
        if self.evm_version and self.evm_version not in EVM_VERSIONS:
            raise Invalid(
                f"There is no EVM version “{self.evm_version}”. Nothing was compiled.",
                f"Take one of {', '.join(EVM_VERSIONS)}.",
                field="evm_version",
            )
        if self.bytecode_hash not in ("ipfs", "bzzr1", "none"):
            raise Invalid("The metadata hash is ipfs, bzzr1 or none. Nothing was compiled.", field="bytecode_hash")
        for text in self.remappings:
            Remapping.parse(text)

    @classmethod
    def read(cls, version: str, given: Mapping[str, Any]) -> CompilerSettings:
        """Out of the compiler's input, or of the metadata of a contract."""
        optimizer = given.get("optimizer") or {}
        return cls(
            version=version,
            optimizer=bool(optimizer.get("enabled")),
            runs=int(optimizer.get("runs", 200)),
            via_ir=bool(given.get("viaIR")),
            evm_version=str(given.get("evmVersion", "")),
            remappings=tuple(text.removeprefix(":") for text in given.get("remappings") or ()),
            bytecode_hash=str((given.get("metadata") or {}).get("bytecodeHash", "ipfs")),
        )

    def standard(self) -> dict[str, Any]:
        """As the compiler's input wants it."""
        body: dict[str, Any] = {"optimizer": {"enabled": self.optimizer, "runs": self.runs}, "outputSelection": OUTPUTS}
        if self.evm_version:
            body["evmVersion"] = self.evm_version
        if self.via_ir:
            body["viaIR"] = True
        if self.remappings:
            body["remappings"] = list(self.remappings)
        if self.bytecode_hash != "ipfs":
            body["metadata"] = {"bytecodeHash": self.bytecode_hash}
        return body


@dataclass(frozen=True, slots=True)
class Project:
    """A folder as the compiler will take it.

    Attributes:
        root: the folder itself.
        base: what names of sources are relative to.
        sources: where the project's own contracts are.
        includes: where else imports are looked for, in order.
        networks: what Hardhat's configuration names.
        notes: what could not be read, in words.
        builds: where other tools leave what they built.
    """

    root: Path
    kind: ProjectKind
    base: Path
    sources: Path
    settings: CompilerSettings
    includes: tuple[Path, ...] = ()
    config: Path | None = None
    networks: tuple[ProjectNetwork, ...] = ()
    notes: tuple[str, ...] = ()
    builds: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Its folder's name."""
        return self.root.name

    @property
    def remappings(self) -> tuple[Remapping, ...]:
        """The remappings, read."""
        return tuple(Remapping.parse(text) for text in self.settings.remappings)

    @property
    def modules(self) -> tuple[Path, ...]:
        """Folders called ``node_modules`` in which a compiler may be."""
        return tuple(place for place in self.includes if place.name == "node_modules")

    def gather(self, places: dict[str, Path] | None = None) -> dict[str, str]:
        """The project's sources and what they import, by the compiler's names.

        Raises:
            Invalid: an import leads nowhere.
        """
        return gather(self.sources, self.includes, base=self.base, remappings=self.remappings, places=places)

    def resolved(self, sources: Mapping[str, str]) -> CompilerSettings:
        """The settings with a version, and an EVM version that this compiler knows.

        Raises:
            Unavailable: no compiler that is here fits.
        """
        version = self.settings.version or choose(sources, self.modules)
        return replace(self.settings, version=version, evm_version=release(version).evm_version(self.settings.evm_version))

    def with_settings(self, changes: Mapping[str, object]) -> Project:
        """The same with other settings (the names of :class:`CompilerSettings`).

        Raises:
            Invalid: there is no such setting, or the value does not fit; ``field`` names it.
        """
        if unknown := set(changes) - set(CompilerSettings.__dataclass_fields__):
            raise Invalid(f"A project has no setting “{sorted(unknown)[0]}”. Nothing was changed.", field=sorted(unknown)[0])
        given: dict[str, Any] = {name: _fitted(name, value) for name, value in changes.items()}
        return replace(self, settings=replace(self.settings, **given)) if given else self


def open_project(folder: Path, modules: Path = CONTRACTS / "node_modules") -> Project:
    """What the folder is, and what its configuration says.

    Args:
        modules: where the console's own libraries are; looked at last.

    Raises:
        Invalid: there is no such folder, or its configuration cannot be read; ``field`` is ``folder``.
    """
    root = folder.expanduser().absolute()
    if not root.is_dir():
        raise Invalid(f"There is no folder {folder}. Nothing was compiled.", "Name a folder with .sol files.", field="folder")
    if (root / "foundry.toml").is_file():
        return _foundry(root, modules)
    if (config := hardhat.find(root)) is not None:
        return _hardhat(root, modules, hardhat.read(config))
    mappings = tuple(str(each) for each in read_remappings(root / "remappings.txt"))
    # Names begin with the folder's own, as they always did; remappings, though, are written as seen from within.
    base = root if mappings else root.parent
    return Project(
        root,
        ProjectKind.PLAIN,
        base,
        root,
        CompilerSettings(remappings=mappings),
        _includes(root, (), modules),
        builds=_builds(root),
    )


def project_around(file: Path, own: Path = CONTRACTS) -> Path | None:
    """The nearest folder above a file that Foundry or Hardhat would call a project; None where none is, or it is our own."""
    for folder in file.expanduser().absolute().parents:
        if folder == own:
            return None
        if (folder / "foundry.toml").is_file() or hardhat.find(folder) is not None:
            return folder
    return None


def _includes(root: Path, libs: Sequence[Path], modules: Path) -> tuple[Path, ...]:
    """Libraries that are named, then every ``node_modules`` on the way up (as Node looks), then ours."""
    upward = [place / "node_modules" for place in (root, *root.parents)]
    return tuple(dict.fromkeys(place for place in (*libs, *upward, modules) if place.is_dir()))


def _builds(root: Path, *names: str) -> tuple[Path, ...]:
    return tuple(root / name for name in dict.fromkeys((*names, "out", "artifacts")))


def _foundry(root: Path, modules: Path) -> Project:
    file = root / "foundry.toml"
    try:
        profile = tomllib.loads(file.read_text(encoding="utf-8")).get("profile", {}).get("default", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError) as error:
        raise Invalid(f"{file} cannot be read ({error}). Nothing was compiled.", "Correct the file.", field="folder") from error
    read = _Table(file, profile)
    libs = [root / name for name in read.texts("libs", ["lib"])]
    if "libs" not in profile and (root / "node_modules").is_dir():
        libs.append(root / "node_modules")
    found = [Remapping.parse(text) for text in read.texts("remappings", [])] + read_remappings(root / "remappings.txt")
    if read.flag("auto_detect_remappings", True):
        known = {(each.context, each.prefix) for each in found}
        found += [each for each in library_remappings(root, libs) if (each.context, each.prefix) not in known]
    wanted = read.text("solc", read.text("solc_version", ""))
    notes = []
    if wanted and not wanted[:1].isdigit():
        notes.append(f"solc is “{wanted}”, a program of that machine: the pragmas choose among the pinned compilers instead")
        wanted = ""
    runs_given = "optimizer_runs" in profile
    settings = CompilerSettings(
        version=wanted,
        optimizer=read.flag("optimizer", runs_given),  # forge's own defaults: off, but on where runs are given
        runs=read.number("optimizer_runs", 200),
        via_ir=read.flag("via_ir", False),
        evm_version=_evm(read.text("evm_version", "osaka")),
        remappings=tuple(dict.fromkeys(str(each) for each in found)),
        bytecode_hash=read.text("bytecode_hash", "ipfs"),
    )
    return Project(
        root,
        ProjectKind.FOUNDRY,
        root,
        root / read.text("src", "src"),
        settings,
        _includes(root, libs, modules),
        file,
        notes=tuple(notes),
        builds=_builds(root, read.text("out", "out")),
    )


def _hardhat(root: Path, modules: Path, config: HardhatConfig) -> Project:
    given = config.settings or {}
    optimizer, runs = given.get("optimizer"), 200
    enabled = False
    if isinstance(optimizer, Mapping):
        enabled = optimizer.get("enabled") is True
        said = optimizer.get("runs")
        runs = said if isinstance(said, int) else 200
    evm = given.get("evmVersion")
    settings = CompilerSettings(
        version=config.version,
        optimizer=enabled,
        runs=runs,
        via_ir=given.get("viaIR") is True,
        evm_version=_evm(evm) if isinstance(evm, str) else "",
        remappings=tuple(str(each) for each in read_remappings(root / "remappings.txt")),
    )
    sources = root / config.sources
    return Project(
        root,
        ProjectKind.HARDHAT,
        root,
        sources,
        settings,
        _includes(root, (), modules),
        config.file,
        config.networks,
        config.notes,
        _builds(root, config.artifacts),
    )


def _evm(name: str) -> str:
    """The compiler's spelling."""
    return next((known for known in EVM_VERSIONS if known.lower() == name.lower().replace("_", "")), name)


def _fitted(name: str, value: object) -> object:
    """A setting as its type, out of text too."""
    default = getattr(CompilerSettings(), name)
    if isinstance(default, bool):
        word = str(value).lower()
        if word not in ("true", "false", "yes", "no", "on", "off"):
            raise Invalid(f"{name} is yes or no, not “{value}”. Nothing was changed.", field=name)
        return word in ("true", "yes", "on")
    if isinstance(default, int):
        if not str(value).isdecimal():
            raise Invalid(f"{name} is a whole number, not “{value}”. Nothing was changed.", field=name)
        return int(str(value))
    if isinstance(default, tuple):
        return tuple(value.split()) if isinstance(value, str) else tuple(str(each) for each in _listed(name, value))
    return _evm(str(value)) if name == "evm_version" else str(value)


def _listed(name: str, value: object) -> Sequence[object]:
    if not isinstance(value, Sequence):
        raise Invalid(f"{name} is a list, not “{value}”. Nothing was changed.", field=name)
    return value


class _Table:
    """A table of TOML whose values must be of a kind."""

    def __init__(self, file: Path, table: object) -> None:
        self._file, self._table = file, table if isinstance(table, dict) else {}

    def text(self, key: str, default: str) -> str:
        return str(self._of(key, default, str))

    def flag(self, key: str, default: bool) -> bool:
        return bool(self._of(key, default, bool))

    def number(self, key: str, default: int) -> int:
        return int(self._of(key, default, int))

    def texts(self, key: str, default: list[str]) -> list[str]:
        found = self._of(key, default, list)
        return [str(each) for each in found]

    def _of(self, key: str, default: Any, kind: type) -> Any:
        found = self._table.get(key, default)
        if not isinstance(found, kind):
            raise Invalid(
                f"{key} in {self._file} is {found!r}, which is no {kind.__name__}. Nothing was compiled.",
                "Correct the file.",
                field="folder",
            )
        return found


def ours(modules: Path = CONTRACTS / "node_modules") -> Project:
    """The console's own contracts. Their names have no remappings, so that what is deployed keeps its bytes."""
    return Project(
        CONTRACTS,
        ProjectKind.PLAIN,
        CONTRACTS,
        CONTRACTS / "src",
        CompilerSettings(version=DEFAULT),
        (modules,),
        builds=_builds(CONTRACTS),
    )
