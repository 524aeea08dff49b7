"""The settings of one home: read from file, ``.env``, environment and options, repaired when broken, changed one key at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel, ValidationError
from tomlkit.exceptions import TOMLKitError

from app.core.errors import Invalid, Unavailable
from app.core.paths import Home
from app.core.settings.sections import NetworkSetting, Section, Settings, without_password

PREFIX = "AZORA_"


class SettingsStore:
    """The settings of one home, and where each value came from.

    Args:
        home: the home, or its folder.
        environ: the environment (``AZORA_APPEARANCE_THEME=dark``, ``AZORA_DATABASE_URL``, ``AZORA_RPC_URL`` for network azora …).
        options: dotted keys given on the command line; they win.
        dotenv: folders whose ``.env`` is read, the first wins; by default the home's, then the working directory's.
    """

    def __init__(
        self,
        home: Home | Path,
        environ: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        dotenv: tuple[Path, ...] | None = None,
    ) -> None:
        self._home = home if isinstance(home, Home) else Home(home)
        self._environ = os.environ if environ is None else environ
        self._options = dict(options or {})
        self._dotenv = (self._home.path, Path.cwd()) if dotenv is None else dotenv
        self._document = tomlkit.document()
        self._sources: dict[str, str] = {}
        self._value = Settings()
        self.notices: list[str] = []

    @property
    def value(self) -> Settings:
        """The settings now in force."""
        return self._value

    def load(self) -> Settings:
        """Read everything again. Never fails because of what a file says; :attr:`notices` tells what was repaired."""
        self.notices = []
        self._sources = {}
        from_file = self._read_file()
        raw: dict[str, Any] = {}
        for source, layer in (("file", from_file), (".env", self._from_dotenv()), ("environment", self._from_environ())):
            self._lay(raw, layer, source)
        self._lay(raw, {key: value for key, value in self._options.items() if key in _KEYS}, "option")
        self._value = self._settle(raw)
        return self._value

    def source(self, key: str) -> str:
        """Where the value of a dotted key came from: option, environment, .env, file or default."""
        return self._sources.get(key, "default")

    def set(self, key: str, value: object) -> Settings:
        """Change one dotted key in ``config.toml``; text is read as the key's type.

        Raises:
            Invalid: no such key, or a value it cannot have; nothing was changed.
            Unavailable: the file cannot be written; nothing was changed.
        """
        if key not in _KEYS:
            raise Invalid(f"There is no setting “{key}”. Nothing was changed.", "See `azora settings list`.", field=key)
        if key == "database.url" and without_password(str(value)) != str(value):
            raise Invalid(
                "A password does not belong into the settings file. Nothing was changed.",
                "Put the whole URL into the environment variable AZORA_DATABASE_URL, or the password into ~/.pgpass.",
                field=key,
            )
        plain = _plain(value)
        try:
            checked = Settings.model_validate(_nested({key: plain}))
        except ValidationError as error:
            raise Invalid(f"{_sentence(error)} Nothing was changed.", "Choose another value.", field=key) from None
        if key == "networks":
            checked = self._without_environment(checked)
        section, _, name = key.rpartition(".")
        document = tomlkit.parse(tomlkit.dumps(self._document))
        table: Any = document
        if section:
            table = document.setdefault(section, tomlkit.table())
        part = getattr(checked, section) if section else checked
        table[name] = _for_toml(getattr(part, name))
        self._write(tomlkit.dumps(document))
        self._document = document
        notices = self.notices
        self.load()
        self.notices = notices + self.notices
        return self._value

    def _without_environment(self, settings: Settings) -> Settings:
        """What may go into the file: the URL that only the environment gave stays there, and no URL carries a password."""
        if self.source(_RPC) != "default":
            kept = {network["id"]: network.get("rpc_url", "") for network in self._document.unwrap().get("networks", [])}
            current = {network.id: network.rpc_url for network in self._value.networks}
            given = {network.id: network.rpc_url for network in settings.networks}
            if given.get("azora") == current.get("azora"):
                networks = _with_azora_url(settings.networks, str(kept.get("azora", "")))
                settings = settings.model_copy(update={"networks": networks})
        for network in settings.networks:
            if without_password(network.rpc_url) != network.rpc_url:
                raise Invalid(
                    f"The URL of {network.name} carries a password, which does not belong into a file. Nothing was changed.",
                    "Use a URL without one; for Azora set AZORA_RPC_URL in the environment.",
                    field="rpc_url",
                )
        return settings

    def _read_file(self) -> dict[str, Any]:
        try:
            text = self._home.config.read_text("utf-8")
        except FileNotFoundError:
            self._document = tomlkit.document()
            return {}
        except (OSError, UnicodeDecodeError) as error:
            return self._unreadable(f"could not be read ({error.__class__.__name__})")
        try:
            self._document = tomlkit.parse(text)
        except TOMLKitError as error:
            return self._unreadable(f"is not TOML ({error})")
        return self._repaired(text, self._document.unwrap())

    def _repaired(self, text: str, data: dict[str, Any]) -> dict[str, Any]:
        """The flat keys of the file that can be used; the others are dropped from it, with a backup and a notice each."""
        good: dict[str, Any] = {}
        bad: list[tuple[str, str]] = []
        for key, value in _flat(data):
            if key not in _KEYS:
                bad.append((key, "is not a setting of this version"))
                continue
            if key == "networks":
                value, faults = _usable_networks(value)
                bad.extend(faults)
                if faults and not value:
                    continue
            try:
                Settings.model_validate(_nested({key: value}))
                good[key] = value
            except ValidationError as error:
                bad.append((key, _sentence(error)))
        if bad:
            self._back_up(text)
            self._document = _without(self._document, good)
            self._write_quietly()
            for key, why in bad:
                self.notices.append(f"The setting “{key}” was set back: {why.rstrip('.')}. The old file is config.toml.bak.")
        return good

    def _unreadable(self, why: str) -> dict[str, Any]:
        with contextlib.suppress(OSError):
            self._back_up(self._home.config.read_bytes())
        self._document = tomlkit.document()
        self._write_quietly()
        self.notices.append(f"The settings file {why}. The defaults are in force; the old file is config.toml.bak.")
        return {}

    def _back_up(self, content: str | bytes) -> None:
        copy = self._home.config.with_name("config.toml.bak")
        data = content.encode("utf-8") if isinstance(content, str) else content
        try:
            copy.write_bytes(data)
            copy.chmod(0o600)
        except OSError as error:
            self.notices.append(f"The settings file could not be backed up ({error.strerror}).")

    def _write_quietly(self) -> None:
        try:
            self._write(tomlkit.dumps(self._document))
        except Unavailable as error:
            self.notices.append(str(error))

    def _write(self, text: str) -> None:
        draft = self._home.config.with_name(".config.toml.part")
        try:
            draft.write_text(text, "utf-8")
            draft.chmod(0o600)
            os.replace(draft, self._home.config)
        except OSError as error:
            raise Unavailable(
                f"The settings file cannot be written: {error.strerror}. Nothing was changed.", "Make the home writable."
            ) from error

    def _from_environ(self) -> dict[str, Any]:
        return _from_variables(self._environ)

    def _from_dotenv(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for folder in reversed(self._dotenv):
            try:
                found.update(_from_variables(_read_dotenv((folder / ".env").read_text("utf-8"))))
            except (OSError, UnicodeDecodeError):
                continue
        return found

    def _lay(self, raw: dict[str, Any], layer: Mapping[str, Any], source: str) -> None:
        """Lay one source over the lower ones, dropping values that cannot be; text is read as the key's type."""
        for key, value in layer.items():
            try:
                Settings.model_validate(_nested({key: value}) if key != _RPC else {})
                if key == _RPC:
                    NetworkSetting(id="azora", name="Azora", chain_id=195, rpc_url=str(value))
            except ValidationError as error:
                self.notices.append(f"“{key}” from {source} was ignored: {_sentence(error)}")
                continue
            raw[key] = value
            self._sources[key] = source

    def _settle(self, raw: Mapping[str, Any]) -> Settings:
        raw = dict(raw)
        azora_url = raw.pop(_RPC, "")
        settings = Settings.model_validate(_nested(raw))
        if azora_url:
            settings = settings.model_copy(update={"networks": _with_azora_url(settings.networks, azora_url)})
        return settings


_TABLES = ("networks", "clusters", "tunnels", "projects")  # lists of tables, which no environment variable can hold
_RPC = "networks.azora.rpc_url"  # not a key of the file: AZORA_RPC_URL lays itself over the network "azora"
_KEYS = {
    f"{name}.{inner}" if issubclass(type(default), Section) else name: None
    for name, default in Settings()
    for inner in (type(default).model_fields if isinstance(default, Section) else ("",))
}
_VARIABLES = {PREFIX + key.replace(".", "_").upper(): key for key in _KEYS if key not in _TABLES} | {PREFIX + "RPC_URL": _RPC}


def setting_keys() -> list[str]:
    """All dotted keys that :meth:`SettingsStore.set` takes."""
    return list(_KEYS)


def _with_azora_url(networks: tuple[NetworkSetting, ...], url: str) -> tuple[NetworkSetting, ...]:
    return tuple(network.model_copy(update={"rpc_url": url}) if network.id == "azora" else network for network in networks)


def _is_section(name: str) -> bool:
    return name in Settings.model_fields and isinstance(getattr(Settings(), name), Section)


def _from_variables(variables: Mapping[str, str]) -> dict[str, Any]:
    return {key: variables[name] for name, key in _VARIABLES.items() if variables.get(name, "") != ""}


def _read_dotenv(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, sign, value = line.strip().removeprefix("export ").partition("=")
        if sign and name.strip().startswith(PREFIX):
            value = value.strip()
            if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            else:
                value = value.split(" #", 1)[0].rstrip()
            found[name.strip()] = value
    return found


def _flat(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if isinstance(value, Mapping) and _is_section(name):
            for inner, item in value.items():
                yield f"{name}.{inner}", item
        else:
            yield name, value


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        section, _, name = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = value
    return nested


def _usable_networks(value: Any) -> tuple[list[Any], list[tuple[str, str]]]:
    """The networks that can be read, and what is wrong with the others; one bad entry does not cost the rest."""
    if not isinstance(value, list):
        return [], [("networks", "it is not a list")]
    good: list[Any] = []
    faults: list[tuple[str, str]] = []
    seen: set[str] = set()
    for number, item in enumerate(value, 1):
        try:
            network = NetworkSetting.model_validate(item)
        except ValidationError as error:
            faults.append((f"networks[{number}]", _sentence(error)))
            continue
        if network.id in seen:
            faults.append((f"networks[{number}]", f"the id “{network.id}” is used twice"))
            continue
        seen.add(network.id)
        good.append(item)
    return good, faults


def _without(document: tomlkit.TOMLDocument, good: Mapping[str, Any]) -> tomlkit.TOMLDocument:
    """The document with only the good keys; comments of what stays are kept."""
    for name in list(document):
        item: Any = document[name]
        if _is_section(name) and isinstance(item, Mapping):
            for inner in list(item):
                if f"{name}.{inner}" not in good:
                    del item[inner]  # type: ignore[attr-defined]
        elif name not in good:
            del document[name]
        elif name == "networks" and len(good[name]) != len(item):
            document[name] = _for_toml(good[name])
    return document


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return {name: _plain(item) for name, item in value}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _for_toml(value: Any) -> Any:
    plain = _plain(value)
    if isinstance(plain, list) and plain and all(isinstance(item, dict) for item in plain):
        tables = tomlkit.aot()
        for item in plain:
            tables.append(tomlkit.item(item))
        return tables
    return plain


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("networks",))
    message = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"{where}: {message}." if where else f"{message[0].upper()}{message[1:]}."
