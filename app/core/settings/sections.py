"""What can be set: one model per section of ``config.toml``, with defaults and limits. No setting is a secret."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

NETWORK_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, validate_default=True)


class Appearance(Section):
    """How the windows look. ``text_scale`` is percent."""

    theme: Literal["system", "light", "dark", "high-contrast"] = "system"
    text_scale: int = Field(default=100, ge=85, le=150)
    hide_amounts: bool = False
    reduce_motion: bool = False


class ConsoleSetting(Section):
    """How the console behaves.

    ``lock_after_minutes`` of 0 never locks by idle time; ``lock_on_sleep`` locks when the machine sleeps or its screen is locked.
    """

    lock_after_minutes: int = Field(default=15, ge=0, le=1440)
    lock_on_sleep: bool = True
    quick_plans: bool = True


class MiningSetting(Section):
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


class DatabaseSetting(Section):
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


class NetworkSetting(Section):
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


class ClusterSetting(Section):
    """How clusters are found and changed.

    ``kubeconfigs`` names files beside ``KUBECONFIG``, parted as ``PATH`` is; each stands for itself. ``grace_seconds`` is the time
    in which a confirmed action can still be called back.
    """

    kubeconfigs: str = ""
    grace_seconds: int = Field(default=5, ge=0, le=60)


class ContextSetting(Section):
    """What a person said about one cluster context. An empty ``environment`` is guessed.

    ``namespace`` names where to look (up to eight, parted by commas) when the identity may not read the whole cluster; empty: in
    the context's own, and in those that are found.

    ``prometheus``: where its Prometheus answers: an address (the host may be ``NAME.tunnel``), or a path of the API server's
    service proxy, such as ``/api/v1/namespaces/monitoring/services/prometheus:9090/proxy``.
    """

    context: str = Field(min_length=1)
    environment: Literal["", "local", "test", "production"] = ""
    read_only: bool = False
    namespace: str = Field(default="", pattern=r"^(|[a-z0-9-]+( *, *[a-z0-9-]+){0,7})$")
    prometheus: str = Field(
        default="", pattern=r"^(|https?://[^\s@]+|/api/v1/namespaces/[^/\s]+/(services|pods)/[^/\s]+/proxy(/\S*)?)$"
    )

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that were named, each once."""
        return tuple(dict.fromkeys(name.strip() for name in self.namespace.split(",") if name.strip()))


class TunnelSetting(Section):
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


class ProjectSetting(Section):
    """A folder of Solidity that somebody opened. ``settings`` overrides what its own files say of the compiler."""

    path: str = Field(min_length=1)
    settings: dict[str, str | int | bool | tuple[str, ...]] = {}


class Settings(Section):
    """All settings of one home."""

    appearance: Appearance = Appearance()
    console: ConsoleSetting = ConsoleSetting()
    database: DatabaseSetting = DatabaseSetting()
    mining: MiningSetting = MiningSetting()
    networks: tuple[NetworkSetting, ...] = Field(default_factory=default_networks)
    current_network: str = ""
    editor: str = ""  # a command with {file} and, where it takes them, {line} and {column}; empty: the first that is found
    cluster: ClusterSetting = ClusterSetting()
    clusters: tuple[ContextSetting, ...] = ()
    tunnels: tuple[TunnelSetting, ...] = ()
    projects: tuple[ProjectSetting, ...] = ()

    @field_validator("networks")
    @classmethod
    def _unique(cls, networks: tuple[NetworkSetting, ...]) -> tuple[NetworkSetting, ...]:
        ids = [network.id for network in networks]
        if len(set(ids)) != len(ids):
            raise ValueError("two networks have the same id")
        return networks


def without_password(url: str) -> str:
    """The URL without the password of its user part."""
    return re.sub(r"^([a-z][a-z0-9+.-]*://[^/\s:@]*):[^/\s@]*@", r"\1@", url, flags=re.IGNORECASE)
