"""Settings: typed, repaired when broken, and honest about where each value came from.

Precedence: option > environment > ``.env`` > ``config.toml`` > default. A key that cannot be read falls back to its default, the
file is kept beside as ``config.toml.bak`` and a notice says so; a broken file never stops the program. Comments and order of the
file survive a change. No setting is a secret: a password in a database URL is taken from the environment only.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer, field_validator
from tomlkit.exceptions import TOMLKitError

from app.core.errors import Invalid, Unavailable
from app.core.paths import Home

PREFIX = "AZORA_"
NETWORK_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, validate_default=True)


class Appearance(_Section):
    """How the windows look. ``text_scale`` is percent."""

    theme: Literal["system", "light", "dark", "high-contrast"] = "system"
    text_scale: int = Field(default=100, ge=85, le=150)
    hide_amounts: bool = False
    reduce_motion: bool = False


class ConsoleSetting(_Section):
    """How the console behaves.

    ``lock_after_minutes`` of 0 never locks by idle time; ``lock_on_sleep`` locks when the machine sleeps or its screen is locked.
    """

    lock_after_minutes: int = Field(default=15, ge=0, le=1440)
    lock_on_sleep: bool = True
    quick_plans: bool = True


class MiningSetting(_Section):
    """Prices that somebody entered; empty: not known. ``currency`` is an ISO 4217 code.

    ``azr_price`` is what a worker's AZR is worth, ``redemption_rate`` what the bank pays for one AZR that is redeemed.
    """

    azr_price: str = ""
    redemption_rate: str = ""
    energy_price: str = ""  # of a kilowatt-hour
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")

    @field_validator("azr_price", "energy_price", "redemption_rate")
    @classmethod
    def _price(cls, value: str) -> str:
        if value and not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", value):
            raise ValueError("write a price such as 0.28, or leave it empty")
        return value


class DatabaseSetting(_Section):
    """Which store is used. Empty: the SQLite file of the home."""

    url: str = ""

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        if url and not re.match(r"(sqlite:///|postgresql(\+psycopg)?://)", url):
            raise ValueError("write postgresql://user@host/name, or leave it empty for the SQLite file of the home")
        return url

    @field_serializer("url")
    def _shown(self, url: str) -> str:
        return without_password(url)


class NetworkSetting(_Section):
    """One network as data. ``genesis`` is the pinned ``0x…`` hash of block 0, empty until seen; confirmations in blocks."""

    id: str
    name: str
    rpc_url: str = ""
    chain_id: int = Field(ge=1, lt=2**53)
    genesis: str = ""
    environment: Literal["local", "test", "production"] = "production"
    confirmations: int = Field(default=6, ge=1, le=10_000)
    symbol: str = Field(default="ETH", min_length=1, max_length=12)
    # Nothing is offered above it, in gwei per gas. 500: Ethereum's base fee passed that in a few hours of a few years only, always
    # in a rush for something; whoever must take part in one raises it by hand.
    fee_ceiling_gwei: int = Field(default=500, ge=1, le=1_000_000)

    @field_validator("id")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not NETWORK_ID.fullmatch(value):
            raise ValueError("an id has lower-case letters, digits and dashes")
        return value

    @field_validator("rpc_url")
    @classmethod
    def _reachable(cls, url: str) -> str:
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ValueError("write a URL such as http://127.0.0.1:8545")
        return url

    @field_validator("genesis")
    @classmethod
    def _hash(cls, value: str) -> str:
        if value and not re.fullmatch(r"0x[0-9a-f]{64}", value.lower()):
            raise ValueError("a genesis hash is 0x and 64 hex digits")
        return value.lower()

    @field_serializer("rpc_url")
    def _shown(self, url: str) -> str:
        return without_password(url)


def default_networks() -> tuple[NetworkSetting, ...]:
    """The networks every console knows; the local simulated one appears with its first node."""
    return (
        NetworkSetting(
            id="localhost", name="Localhost", rpc_url="http://127.0.0.1:8545", chain_id=1337, environment="local", confirmations=1
        ),
        NetworkSetting(id="azora", name="Azora", chain_id=195, environment="production", confirmations=6),
    )


class ClusterSetting(_Section):
    """How clusters are found and changed.

    ``kubeconfigs`` names files beside ``KUBECONFIG``, parted as ``PATH`` is; each stands for itself. ``grace_seconds`` is the time
    in which a confirmed action can still be called back.
    """

    kubeconfigs: str = ""
    grace_seconds: int = Field(default=5, ge=0, le=60)


class ContextSetting(_Section):
    """What a person said about one cluster context. An empty ``environment`` is guessed; an empty ``namespace`` is its own.

    ``prometheus``: where its Prometheus answers: an address (the host may be ``NAME.tunnel``), or a path of the API server's
    service proxy, such as ``/api/v1/namespaces/monitoring/services/prometheus:9090/proxy``.
    """

    context: str = Field(min_length=1)
    environment: Literal["", "local", "test", "production"] = ""
    read_only: bool = False
    namespace: str = ""
    prometheus: str = Field(
        default="", pattern=r"^(|https?://[^\s@]+|/api/v1/namespaces/[^/\s]+/(services|pods)/[^/\s]+/proxy(/\S*)?)$"
    )


class TunnelSetting(_Section):
    """A way through a cluster to a port in it. ``identity`` pins the cluster: the uid of its ``kube-system`` namespace.

    ``target`` is ``service/NAME`` or ``pod/NAME``; ``local_port`` is where it listens on this machine.
    """

    name: str
    context: str = Field(min_length=1)
    identity: str = ""
    namespace: str = "default"
    target: str = Field(pattern=r"^(service|pod)/[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")
    port: int = Field(ge=1, le=65535)
    local_port: int = Field(ge=1024, le=65535)

    @field_validator("name")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not NETWORK_ID.fullmatch(value):
            raise ValueError("a name has lower-case letters, digits and dashes")
        return value


class Settings(_Section):
    """All settings of one home."""

    appearance: Appearance = Appearance()
    console: ConsoleSetting = ConsoleSetting()
    database: DatabaseSetting = DatabaseSetting()
    mining: MiningSetting = MiningSetting()
    networks: tuple[NetworkSetting, ...] = Field(default_factory=default_networks)
    current_network: str = ""
    cluster: ClusterSetting = ClusterSetting()
    clusters: tuple[ContextSetting, ...] = ()
    tunnels: tuple[TunnelSetting, ...] = ()

    @field_validator("networks")
    @classmethod
    def _unique(cls, networks: tuple[NetworkSetting, ...]) -> tuple[NetworkSetting, ...]:
        ids = [network.id for network in networks]
        if len(set(ids)) != len(ids):
            raise ValueError("two networks have the same id")
        return networks


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


_TABLES = ("networks", "clusters", "tunnels")  # lists of tables, which no environment variable can hold
_RPC = "networks.azora.rpc_url"  # not a key of the file: AZORA_RPC_URL lays itself over the network "azora"
_KEYS = {
    f"{name}.{inner}" if issubclass(type(default), _Section) else name: None
    for name, default in Settings()
    for inner in (type(default).model_fields if isinstance(default, _Section) else ("",))
}
_VARIABLES = {PREFIX + key.replace(".", "_").upper(): key for key in _KEYS if key not in _TABLES} | {PREFIX + "RPC_URL": _RPC}


def setting_keys() -> list[str]:
    """All dotted keys that :meth:`SettingsStore.set` takes."""
    return list(_KEYS)


def _with_azora_url(networks: tuple[NetworkSetting, ...], url: str) -> tuple[NetworkSetting, ...]:
    return tuple(network.model_copy(update={"rpc_url": url}) if network.id == "azora" else network for network in networks)


def _is_section(name: str) -> bool:
    return name in Settings.model_fields and isinstance(getattr(Settings(), name), _Section)


def without_password(url: str) -> str:
    """The URL without the password of its user part."""
    return re.sub(r"^([a-z][a-z0-9+.-]*://[^/\s:@]*):[^/\s@]*@", r"\1@", url, flags=re.IGNORECASE)


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
