"""Kubeconfig files as kubectl reads them, credentials of every kind, and what is said when they fail."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import os
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.cluster.client import Connection
from app.cluster.contexts import Contexts, find_contexts, guess_environment
from app.cluster.failures import ApiDenied, ApiUnavailable
from app.core.errors import ConsoleError, Denied, Invalid, NotFound, Unavailable
from tests.cluster.apiserver import ApiServer, User


def written(path: Path, **parts: Any) -> Path:
    """A kubeconfig: ``contexts={"name": (cluster, user)}``, ``clusters={"name": {...}}``, ``users={"name": {...}}``."""
    content: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": parts.get("current", "")}
    content["clusters"] = [{"name": name, "cluster": inner} for name, inner in parts.get("clusters", {}).items()]
    content["users"] = [{"name": name, "user": inner} for name, inner in parts.get("users", {}).items()]
    content["contexts"] = [
        {"name": name, "context": {"cluster": cluster, "user": user}} for name, (cluster, user) in parts.get("contexts", {}).items()
    ]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def found(folder: Path, *paths: Path, added: tuple[Path, ...] = ()) -> Contexts:
    return find_contexts({"KUBECONFIG": os.pathsep.join(map(str, paths)), "HOME": str(folder)}, map(str, added))


def one(folder: Path, server: str, user: dict[str, Any], **cluster: Any) -> Connection:
    """A connection through a kubeconfig of one context."""
    clusters = {"c": {"server": server, **cluster}}
    path = written(folder / "one.yaml", current="c", clusters=clusters, users={"u": user}, contexts={"c": ("c", "u")})
    return Connection(found(folder, path).get("c"))


def test_the_first_file_that_names_a_thing_wins(tmp_path):
    first = written(tmp_path / "1", current="", clusters={"c": {"server": "https://first"}}, contexts={"a": ("c", "u")})
    second = written(
        tmp_path / "2",
        current="b",
        clusters={"c": {"server": "https://second"}, "d": {"server": "https://third"}},
        contexts={"a": ("d", "u"), "b": ("d", "u")},
    )
    contexts = found(tmp_path, first, second)
    assert {context.name: context.server for context in contexts.all} == {"a": "https://first", "b": "https://third"}
    assert contexts.current == "b"


def test_files_added_by_hand_stand_for_themselves(tmp_path):
    """Every k3s calls its cluster, user and context “default”."""
    same = {"default": ("default", "default")}
    files = [
        written(tmp_path / f"{name}.yaml", clusters={"default": {"server": f"https://{name}"}}, contexts=same)
        for name in ("one", "two")
    ]
    contexts = found(tmp_path, files[0], added=(files[1],))
    assert {context.name: context.server for context in contexts.all} == {"default": "https://one", "default@two": "https://two"}


def test_a_broken_file_costs_its_own_contexts_only(tmp_path):
    good = written(tmp_path / "good", clusters={"c": {"server": "https://c"}}, contexts={"a": ("c", "u"), "lost": ("nowhere", "u")})
    (tmp_path / "broken").write_text("contexts: [", encoding="utf-8")
    contexts = found(tmp_path, tmp_path / "broken", good, tmp_path / "gone")
    assert [context.name for context in contexts.all] == ["a"]
    assert len(contexts.problems) == 2 and "not YAML" in contexts.problems[0] and "lost" in contexts.problems[1]
    with pytest.raises(NotFound, match="no cluster context"):
        contexts.get("b")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("contexts: 5", "no list of contexts"),
        ("clusters: all", "no list of clusters"),
        ("contexts: [{name: [a]}]", "not text"),
        ("contexts: [{name: 123}]", "not text"),
        ("contexts: [{name: b, context: text}]", "no file describes"),
        ("clusters: [{name: d, cluster: {server: 'https://[::1'}}]\ncontexts: [{name: b, context: {cluster: d}}]", "no address"),
        ("clusters: [{name: d, cluster: {server: somewhere}}]\ncontexts: [{name: b, context: {cluster: d}}]", "no address"),
        ("[" * 20_000, "nested too deep"),
    ],
)
def test_nothing_that_a_kubeconfig_may_hold_costs_the_contexts_of_others(tmp_path, text, problem):
    (tmp_path / "odd").write_text(text, encoding="utf-8")
    good = written(tmp_path / "good", clusters={"c": {"server": "https://c"}}, contexts={"a": ("c", "u")})
    contexts = found(tmp_path, tmp_path / "odd", good)
    assert [context.name for context in contexts.all] == ["a"]
    assert len(contexts.problems) == 1 and problem in contexts.problems[0]


@pytest.mark.asyncio
@pytest.mark.parametrize("user", [{"exec": "aws"}, {"exec": {}}, {"exec": {"command": "true", "env": [{}]}}])
async def test_a_user_entry_that_is_not_right_is_said_to_be_so(tmp_path, user):
    with pytest.raises(Invalid, match="context c"):
        await one(tmp_path, "http://127.0.0.1:1", user).get("/version")


@pytest.mark.parametrize(
    ("name", "server", "environment"),
    [
        ("kind-azora", "https://127.0.0.1:6443", "local"),
        ("anything", "https://127.0.0.1:6443", "local"),
        ("azora-prod-eu", "https://10.0.0.1", "production"),
        ("prod", "https://localhost:6443", "production"),
        ("azora-stage", "https://stage.example", "test"),
        ("dev", "https://k8s.example", "test"),
        ("arn:aws:eks:eu-1:1:cluster/main", "https://x.eks.example", "production"),
    ],
)
def test_the_environment_is_guessed_carefully(name, server, environment):
    assert guess_environment(name, server) == environment


def test_secrets_stay_out_of_every_repr(tmp_path):
    path = written(
        tmp_path / "c", clusters={"c": {"server": "https://c"}}, users={"u": {"token": "hunter2-token"}}, contexts={"a": ("c", "u")}
    )
    contexts = found(tmp_path, path)
    assert "hunter2" not in repr(contexts) + repr(Connection(contexts.get("a"))) + str(contexts.all[0])


@pytest.mark.asyncio
@pytest.mark.parametrize("how", ["token", "token file", "plugin"])
async def test_every_kind_of_token_signs_in(tmp_path, how, server):
    (tmp_path / "token").write_text("admin", encoding="utf-8")
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "import json,os\ninfo=json.loads(os.environ['KUBERNETES_EXEC_INFO'])\nassert info['spec']['cluster']['server']\n"
        "print(json.dumps({'apiVersion':info['apiVersion'],'kind':'ExecCredential','status':{'token':os.environ['WHO']}}))\n",
        encoding="utf-8",
    )
    user: dict[str, Any] = {
        "token": {"token": "admin"},
        "token file": {"tokenFile": "token"},
        "plugin": {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": sys.executable,
                "args": [str(plugin)],
                "env": [{"name": "WHO", "value": "admin"}],
                "provideClusterInfo": True,
                "interactiveMode": "Never",
            }
        },
    }[how]
    connection = one(tmp_path, server.url, user)
    assert len((await connection.get("/api/v1/nodes"))["items"]) == 3
    await connection.close()


@pytest.mark.asyncio
async def test_a_token_that_was_renewed_on_disk_is_used(tmp_path, server):
    """Projected tokens rotate: after a 401 the file is read again, once."""
    (tmp_path / "token").write_text("old", encoding="utf-8")
    connection = one(tmp_path, server.url, {"tokenFile": "token"})
    with pytest.raises(ApiDenied, match="expired"):
        await connection.get("/api/v1/nodes")
    (tmp_path / "token").write_text("admin", encoding="utf-8")
    assert (await connection.get("/api/v1/nodes"))["items"]
    await connection.close()


@pytest.mark.asyncio
async def test_signing_in_again_with_another_tool_is_noticed(tmp_path, server):
    """Tools that sign in write the kubeconfig anew; a refused token is then read again, without a restart."""
    connection = one(tmp_path, server.url, {"token": "old"})
    with pytest.raises(ApiDenied, match="expired"):
        await connection.get("/api/v1/nodes")
    one(tmp_path, server.url, {"token": "admin"})
    assert (await connection.get("/api/v1/nodes"))["items"]
    await connection.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        ("import sys; print('session has expired, log in', file=sys.stderr); sys.exit(1)", Denied, "session has expired"),
        ("print('hello')", Denied, "without credentials"),
        ("import time; time.sleep(60)", Unavailable, "did not finish"),
    ],
)
async def test_a_plugin_that_fails_says_why(tmp_path, script, kind, words, monkeypatch):
    monkeypatch.setattr("app.cluster.contexts.PLUGIN_SECONDS", 1.0 if "sleep" in script else 30.0)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", script]}}
    with pytest.raises(kind, match=words):
        await one(tmp_path, "http://127.0.0.1:1", user).get("/version")


@pytest.mark.asyncio
async def test_a_plugin_that_fails_is_not_run_for_every_request_and_at_once_when_asked_to(tmp_path):
    """It may open a browser each time, and two dozen watches ask for credentials at once."""
    runs = tmp_path / "runs"
    script = f"open({str(runs)!r}, 'a').write('x'); raise SystemExit('log in')"
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", script]}}
    connection = one(tmp_path, "http://127.0.0.1:1", user)
    said = await asyncio.gather(*(connection.get("/version") for _ in range(5)), return_exceptions=True)
    assert [type(error) for error in said] == [Denied] * 5 and runs.read_text() == "x"
    connection.try_anew()
    with pytest.raises(Denied):
        await connection.get("/version")
    assert runs.read_text() == "xx"


@pytest.mark.asyncio
async def test_a_plugin_that_is_missing_names_itself_and_its_hint(tmp_path):
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "kubelogin-x", "installHint": "Get kubelogin."}}
    with pytest.raises(Unavailable, match="kubelogin-x") as caught:
        await one(tmp_path, "http://127.0.0.1:1", user).get("/version")
    assert "Get kubelogin" in caught.value.remedy


@pytest.mark.asyncio
async def test_a_server_that_is_not_there_says_so(tmp_path):
    with pytest.raises(ApiUnavailable, match="refuses connections"):
        await one(tmp_path, "http://127.0.0.1:1", {}).get("/version")


# certificates


def certificate(name: str, issuer: Any = None, *, expired: bool = False, ca: bool = False) -> tuple[Any, Any]:
    """A key and a certificate; self-signed without an issuer (key, certificate)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=3))
        .not_valid_after(now + dt.timedelta(days=-1 if expired else 1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if ca:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    else:
        import ipaddress

        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key((issuer[0] if issuer else key).public_key())
        builder = builder.add_extension(issued_by, critical=False)
    return key, builder.sign(issuer[0] if issuer else key, hashes.SHA256())


def pem(item: Any) -> bytes:
    if isinstance(item, x509.Certificate):
        return item.public_bytes(serialization.Encoding.PEM)
    return item.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.mark.asyncio
async def test_client_certificates_sign_in_and_a_foreign_authority_is_refused(tmp_path):
    authority = certificate("authority", ca=True)
    key, own = certificate("127.0.0.1", authority)
    for name, data in (("ca", pem(authority[1])), ("server", pem(own) + pem(key))):
        (tmp_path / f"{name}.pem").write_bytes(data)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.pem"))
    tls.load_cert_chain(tmp_path / "server.pem")
    tls.verify_mode = ssl.CERT_OPTIONAL
    coded = lambda data: base64.b64encode(data).decode()  # noqa: E731
    client_key, client = certificate("operator", authority)
    user = {"client-certificate-data": coded(pem(client)), "client-key-data": coded(pem(client_key))}
    async with ApiServer.recorded(tls=tls, users=[("operator", User("operator", ("system:masters",)))]) as server:
        connection = one(tmp_path, server.url, user, **{"certificate-authority": "ca.pem"})
        assert (await connection.get("/api/v1/nodes"))["items"]
        await connection.close()
        other = certificate("other", ca=True)
        connection = one(tmp_path, server.url, user, **{"certificate-authority-data": coded(pem(other[1]))})
        with pytest.raises(ApiUnavailable, match="does not trust"):
            await connection.get("/api/v1/nodes")
        await connection.close()


@pytest.mark.asyncio
async def test_in_a_pod_its_account_signs_in(tmp_path, monkeypatch):
    authority = certificate("authority", ca=True)
    key, own = certificate("127.0.0.1", authority)
    files = {"ca.crt": pem(authority[1]), "server.pem": pem(own) + pem(key), "token": b"admin", "namespace": b"shop"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "server.pem")
    monkeypatch.setattr("app.cluster.contexts._ACCOUNT", tmp_path)
    async with ApiServer.recorded(tls=tls) as server:
        port = server.url.rpartition(":")[2]
        environ = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": port}
        (context,) = find_contexts(environ).all
        assert (context.name, context.namespace, context.credentials) == ("in-cluster", "shop", "pod account")
        connection = Connection(context)
        assert (await connection.get("/api/v1/nodes"))["items"]
        await connection.close()
        (tmp_path / "token").unlink()
        with pytest.raises(Denied, match="service account"):
            await connection.get("/api/v1/nodes")


# OpenID Connect, against an identity provider of the test


def token(expires: dt.datetime, **claims: Any) -> str:
    part = lambda data: base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")  # noqa: E731
    return f"{part({'alg': 'none'})}.{part({'exp': int(expires.timestamp()), **claims})}.sig"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the official client’s own calls of aiohttp
@pytest.mark.asyncio
@pytest.mark.parametrize("accepted", [True, False])
async def test_an_expired_oidc_token_is_renewed_and_the_new_one_kept(tmp_path, accepted):
    now = dt.datetime.now(dt.UTC)
    fresh = token(now + dt.timedelta(hours=1), who="fresh")
    app = web.Application()

    async def configuration(request: web.Request) -> web.Response:
        return web.json_response({"token_endpoint": f"http://127.0.0.1:{port}/token"})

    async def renew(request: web.Request) -> web.Response:
        form = await request.post()
        if not accepted or form.get("refresh_token") != "once":
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"id_token": fresh, "refresh_token": "twice"})

    app.router.add_get("/.well-known/openid-configuration", configuration)
    app.router.add_post("/token", renew)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    settings = {
        "client-id": "azora",
        "client-secret": "s",
        "idp-issuer-url": f"http://127.0.0.1:{port}",
        "id-token": token(now - dt.timedelta(hours=1)),
        "refresh-token": "once",
    }
    async with ApiServer.recorded(users=[(fresh, User("me", ("system:masters",)))]) as server:
        connection = one(tmp_path, server.url, {"auth-provider": {"name": "oidc", "config": settings}})
        if accepted:
            assert (await connection.get("/api/v1/nodes"))["items"]
            kept = yaml.safe_load((tmp_path / "one.yaml").read_text("utf-8"))["users"][0]["user"]["auth-provider"]["config"]
            assert (kept["id-token"], kept["refresh-token"]) == (fresh, "twice")
        else:
            with pytest.raises(ConsoleError) as caught:
                await connection.get("/api/v1/nodes")
            assert "once" not in str(caught.value)
        await connection.close()
    await runner.cleanup()
