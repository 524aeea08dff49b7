"""The user's clusters: kubeconfig files, the way kubectl reads them, and the account of the pod that the console runs in.

Files of ``KUBECONFIG`` (or ``~/.kube/config``) are merged by kubectl's rules: the first file that names a thing wins. A file added
by hand stands for itself, since every k3s calls its context ``default``. Tokens, keys and passwords stay in the official client's
configuration and appear in no repr.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from app.core.errors import ConsoleError, Denied, Invalid, NotFound, Unavailable

PLUGIN_SECONDS = 60.0
IN_CLUSTER = "in-cluster"
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Environment(StrEnum):
    """What a mistake there would cost."""

    LOCAL = "local"
    TEST = "test"
    PRODUCTION = "production"


@dataclass(frozen=True)
class Context:
    """A cluster and who asks it.

    Attributes:
        name: unique among all contexts.
        server: URL of the API server.
        cluster: name of the cluster entry; user: name of the user entry.
        namespace: the namespace it starts in.
        credentials: how it signs in, in a word (``certificate``, ``token``, ``plugin aws``, ``OIDC``, ``none``).
        source: file that defines it.
        environment: guessed from name and server; a setting may say otherwise.
    """

    name: str
    server: str
    cluster: str
    user: str
    namespace: str
    credentials: str
    source: str
    environment: Environment
    _group: Any = field(repr=False, compare=False, default=None)
    _context: str = field(repr=False, compare=False, default="")

    @property
    def renewable(self) -> bool:
        """Whether fetching the credentials again may give others: they come from elsewhere, or the kubeconfig was written anew."""
        elsewhere = self.credentials.startswith(("plugin", "OIDC", "token file", "pod"))
        return elsewhere or (self._group is not None and self._group.changed())

    async def configuration(self) -> Any:
        """The official client's configuration for this context; runs the credential plugin where there is one.

        Raises:
            Denied: the credentials cannot be had; the reason is in words.
            Invalid: the kubeconfig is not right.
        """
        from kubernetes.aio.client import Configuration

        configuration = Configuration()
        if self.source == IN_CLUSTER:
            _load_account(self, configuration)
        else:
            await _load(self, configuration)
        configuration.retries = None
        # Watches of some two dozen kinds, logs and requests beside them.
        configuration.connection_pool_maxsize = 200
        return configuration


@dataclass(frozen=True)
class Contexts:
    """All contexts that were found, the one kubectl would use, and what could not be read (sentences)."""

    all: tuple[Context, ...]
    current: str
    problems: tuple[str, ...]

    def get(self, name: str) -> Context:
        """One context.

        Raises:
            NotFound: there is none of that name.
        """
        for context in self.all:
            if context.name == name:
                return context
        known = ", ".join(context.name for context in self.all) or "none"
        raise NotFound(f"There is no cluster context “{name}”. Nothing was done.", f"Known contexts: {known}.")


def find_contexts(environ: Mapping[str, str], added: Iterable[str] = ()) -> Contexts:
    """Read every kubeconfig there is. A broken file costs its own contexts, never the others."""
    named = [path for path in environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    home = environ.get("HOME") or environ.get("USERPROFILE") or str(Path.home())
    merged = named or [str(Path(home) / ".kube" / "config")]
    problems: list[str] = []
    found: list[Context] = []
    current = ""
    for paths in (merged, *([path] for path in added)):
        group = _Group(problems)
        for path in paths:
            group.read(Path(path).expanduser(), missing_is_fine=paths is merged)
        for context in group.contexts():
            taken = {other.name for other in found}
            if context.name in taken:
                context = _renamed(context, taken)
            found.append(context)
        current = current or group.current
    account = _account(environ)
    if account is not None:
        found.append(account)
    names = {context.name for context in found}
    return Contexts(tuple(found), current if current in names else "", tuple(problems))


def guess_environment(name: str, server: str) -> Environment:
    """What the names say. Where they say nothing it counts as production: the careful answer."""
    words = set(re.split(r"[^a-z]+", f"{name} {server}".lower()))
    host = urlsplit(server).hostname or ""
    local = host in ("localhost", "::1") or host.startswith("127.") or host.endswith(".localhost")
    if words & {"prod", "production", "prd", "live"}:
        return Environment.PRODUCTION
    if words & {"kind", "minikube", "k3d", "colima", "orbstack", "desktop", "microk"} or local:
        return Environment.LOCAL
    if words & {"dev", "develop", "development", "test", "testing", "stage", "staging", "qa", "uat", "sandbox", "preview", "int"}:
        return Environment.TEST
    return Environment.PRODUCTION


class _Group:
    """Files that are merged into one configuration."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        self.files: dict[str, dict[str, Any]] = {}
        self.stamps: dict[str, int] = {}
        self.entries: dict[str, dict[str, tuple[Any, str]]] = {"clusters": {}, "contexts": {}, "users": {}}
        self.current = ""

    def changed(self) -> bool:
        """Whether a file was written since it was read, as tools do that sign in."""
        return any(_written_at(Path(path)) != stamp for path, stamp in self.stamps.items())

    def refresh(self) -> None:
        """Read the files again when one was written. A file that became unreadable leaves all as it was."""
        if not self.changed():
            return
        fresh = _Group([])
        for path in self.stamps:
            fresh.read(Path(path), missing_is_fine=True)
        if fresh.files.keys() == self.files.keys():
            self.files, self.entries, self.stamps = fresh.files, fresh.entries, fresh.stamps

    def read(self, path: Path, *, missing_is_fine: bool) -> None:
        import yaml

        self.stamps[str(path)] = _written_at(path)
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if not missing_is_fine:
                self.problems.append(f"The kubeconfig {path} is gone.")
            return
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"The kubeconfig {path} cannot be read ({type(error).__name__}).")
            return
        except RecursionError:
            self.problems.append(f"The kubeconfig {path} is nested too deep.")
            return
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f", line {mark.line + 1}" if mark is not None else ""
            self.problems.append(f"The kubeconfig {path} is not YAML{where}.")
            return
        if content is None:
            return
        if not isinstance(content, dict):
            self.problems.append(f"The kubeconfig {path} is not a kubeconfig.")
            return
        self.files[str(path)] = content
        self.current = self.current or str(content.get("current-context") or "")
        for part, known in self.entries.items():
            listed = content.get(part) or []
            if not isinstance(listed, list):
                self.problems.append(f"The kubeconfig {path} has no list of {part}.")
                continue
            for item in listed:
                name = item.get("name") if isinstance(item, dict) else None
                if isinstance(name, str) and name:
                    known.setdefault(name, (item, str(path)))
                elif name:
                    self.problems.append(f"The kubeconfig {path} has a name in {part} that is not text: {str(name)[:80]}.")

    def contexts(self) -> Iterable[Context]:
        for name, (entry, path) in self.entries["contexts"].items():
            inner = entry.get("context")
            inner = inner if isinstance(inner, dict) else {}
            cluster, user = str(inner.get("cluster") or ""), str(inner.get("user") or "")
            server = str(self._inner("clusters", cluster, "cluster").get("server") or "")
            if not server:
                self.problems.append(f"The context “{name}” in {path} names a cluster that no file describes.")
                continue
            if not _is_url(server):
                self.problems.append(f"The context “{name}” in {path} has a server that is no address of the web: {server[:80]}.")
                continue
            yield Context(
                name=name,
                server=server.rstrip("/"),
                cluster=cluster,
                user=user,
                namespace=str(inner.get("namespace") or "default"),
                credentials=_credentials(self._inner("users", user, "user")),
                source=path,
                environment=guess_environment(name, server),
                _group=self,
                _context=name,
            )

    def _inner(self, part: str, name: str, key: str) -> dict[str, Any]:
        entry, _ = self.entries[part].get(name, ({}, ""))
        inner = entry.get(key)
        return inner if isinstance(inner, dict) else {}

    def node(self) -> Any:
        """The merged configuration in the official loader's form: each entry knows its file, for relative paths."""
        from kubernetes.aio.config.kube_config import ConfigNode

        merged = {
            part: [ConfigNode(f"{path}/{name}", item, path) for name, (item, path) in known.items()]
            for part, known in self.entries.items()
        }
        return ConfigNode("kubeconfig", merged)

    def save(self, _changed: Any) -> None:
        """Keep what an identity provider renewed: it may accept the old refresh token only once."""
        import yaml

        for path, content in self.files.items():
            text = yaml.safe_dump(content, default_flow_style=False, sort_keys=False)
            place = Path(path)
            with contextlib.suppress(OSError):
                if yaml.safe_load(place.read_text(encoding="utf-8")) == content:
                    continue
                draft = place.with_name(f".{place.name}.part")
                draft.touch(mode=0o600)
                draft.write_text(text, encoding="utf-8")
                draft.replace(place)


def _load_account(context: Context, configuration: Any) -> None:
    """The pod's service account; the official loader reads its token again each minute, since it rotates."""
    from kubernetes.aio.config.config_exception import ConfigException
    from kubernetes.aio.config.incluster_config import InClusterConfigLoader

    server = urlsplit(context.server)
    environ = {"KUBERNETES_SERVICE_HOST": server.hostname, "KUBERNETES_SERVICE_PORT": str(server.port)}
    try:
        loader = InClusterConfigLoader(str(_ACCOUNT / "token"), str(_ACCOUNT / "ca.crt"), environ=environ)
        loader.load_and_set(configuration)
    except (ConfigException, OSError):
        raise Denied(
            "The service account of this pod cannot be read. Nothing was sent.", "Mount its token, or use a kubeconfig."
        ) from None


async def _load(context: Context, configuration: Any) -> None:
    from kubernetes.aio.config.config_exception import ConfigException
    from kubernetes.aio.config.kube_config import KubeConfigLoader

    class Loader(KubeConfigLoader):  # type: ignore[misc]
        """The official loader; its way of running plugins swallows what they say, and waits for ever."""

        async def load_from_exec_plugin(self) -> Literal[True]:
            status = await _run_plugin(context, self._user["exec"].value, self._cluster.value, self._get_base_path(self._user.path))
            if status.get("token"):
                self.token = f"Bearer {status['token']}"
            if status.get("clientCertificateData"):
                from kubernetes.aio.config.kube_config import FileOrData

                for attribute, key in (("cert_file", "clientCertificateData"), ("key_file", "clientKeyData")):
                    held = FileOrData(status, None, data_key_name=key, base64_file_content=False)
                    setattr(self, attribute, held.as_file())
            return True

    context._group.refresh()
    try:
        loader = Loader(
            config_dict=context._group.node(),
            active_context=context._context,
            config_base_path=None,
            config_persister=context._group.save,
        )
        if loader._user is None:
            loader._user = _empty_user()
        await loader.load_and_set(configuration)
    except ConfigException as error:
        raise _explained(context, str(error)) from None
    except ConsoleError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise Invalid(
            f"The kubeconfig entry of the context {context.name} cannot be used ({type(error).__name__}). Nothing was sent.",
            f"Look at {context.source}.",
        ) from None


def _empty_user() -> Any:
    from kubernetes.aio.config.kube_config import ConfigNode

    return ConfigNode("users[none]", {})


def _explained(context: Context, said: str) -> ConsoleError:
    """The official loader's words, as what a person can do. They may quote a token, so only known ones are passed on."""
    if "refresh" in said.lower() or "oidc" in said.lower():
        return Denied(
            f"The sign-in of the context {context.name} has expired and could not be renewed at its identity provider. "
            "Nothing was sent.",
            "Sign in again with your identity provider's tool.",
        )
    if said.startswith("File does not exist"):
        return Invalid(
            f"A certificate or key file that the context {context.name} names is not there. Nothing was sent.",
            f"Look at {context.source}.",
        )
    return Invalid(
        f"The kubeconfig entry of the context {context.name} is incomplete. Nothing was sent.", f"Look at {context.source}."
    )


async def _run_plugin(context: Context, plugin: Mapping[str, Any], cluster: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Run a credential plugin (client.authentication.k8s.io, ExecCredential) and return its ``status``.

    Never interactive: the console has no terminal to lend.
    """
    command = str(plugin.get("command") or "")
    if not command:
        raise Invalid(f"The context {context.name} names no command that would give its credentials. Nothing was sent.")
    if os.sep in command and not os.path.isabs(command):
        command = os.path.join(folder, command)
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = {key: value for key, value in cluster.items() if key != "extensions"}
    information = {"apiVersion": plugin.get("apiVersion"), "kind": "ExecCredential", "spec": spec}
    extra = {str(pair["name"]): str(pair["value"]) for pair in plugin.get("env") or ()}
    environ = {**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(information)}
    name = os.path.basename(command)
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *map(str, plugin.get("args") or ()),
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        hint = str(plugin.get("installHint") or "").strip()[:500]
        raise Unavailable(
            f"The credential plugin “{name}” of the context {context.name} cannot be started ({error.strerror}). Nothing was sent.",
            hint or f"Install “{name}”.",
        ) from None
    try:
        async with asyncio.timeout(PLUGIN_SECONDS):
            out, err = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    except TimeoutError:
        process.kill()
        await process.wait()
        raise Unavailable(
            f"The credential plugin “{name}” of the context {context.name} did not finish within {PLUGIN_SECONDS:.0f} s; it was "
            "ended. Nothing was sent.",
            "It may wait for a sign-in: run it once in a terminal.",
        ) from None
    if process.returncode:
        last = err.decode("utf-8", "replace").strip().splitlines()[-1:] or [""]
        raise Denied(
            f"The credential plugin “{name}” of the context {context.name} gave no credentials: "
            f"{last[0][:300] or f'exit code {process.returncode}'}. Nothing was sent.",
            f"Sign in again: run “{name}” in a terminal.",
        )
    try:
        status = json.loads(out)["status"]
    except (ValueError, KeyError, TypeError):
        status = None
    if not isinstance(status, dict) or not (status.get("token") or status.get("clientCertificateData")):
        raise Denied(
            f"The credential plugin “{name}” of the context {context.name} answered without credentials. Nothing was sent."
        )
    return status


def _is_url(server: str) -> bool:
    try:
        parts = urlsplit(server)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _written_at(path: Path) -> int:
    """Time of the last write in nanoseconds; 0 when there is no such file."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _credentials(user: Mapping[str, Any]) -> str:
    if "exec" in user:
        return f"plugin {os.path.basename(str(_dict(user['exec']).get('command', '')))}"
    if "auth-provider" in user:
        name = str(_dict(user["auth-provider"]).get("name"))
        return "OIDC" if name == "oidc" else name
    if "tokenFile" in user and "token" not in user:
        return "token file"
    if "token" in user:
        return "token"
    if "client-certificate" in user or "client-certificate-data" in user:
        return "certificate"
    if "username" in user:
        return "password"
    return "none"


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _account(environ: Mapping[str, str]) -> Context | None:
    """The service account of the pod that the console runs in, if it runs in one."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port or not (_ACCOUNT / "token").is_file():
        return None
    namespace = "default"
    with contextlib.suppress(OSError):
        namespace = (_ACCOUNT / "namespace").read_text(encoding="utf-8").strip() or namespace
    server = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    return Context(
        name=IN_CLUSTER,
        server=server,
        cluster=IN_CLUSTER,
        user="service account",
        namespace=namespace,
        credentials="pod account",
        source=IN_CLUSTER,
        environment=guess_environment("", ""),
    )


def _renamed(context: Context, taken: set[str]) -> Context:
    import dataclasses

    stem = Path(context.source).stem
    name, number = f"{context.name}@{stem}", 2
    while name in taken:
        name, number = f"{context.name}@{stem}-{number}", number + 1
    return dataclasses.replace(context, name=name, environment=guess_environment(name, context.server))
