"""What an address gives is hashed as a file is; a server that misbehaves is told apart and costs the others nothing."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import ssl

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from yarl import URL

from app.core.errors import Invalid
from app.mining.fetching import Fetched, Fetcher, Limits, Missed, _may_lead, require_address
from tests.mining.misbehaving import WORK, Site


@pytest_asyncio.fixture
async def site():
    async with Site() as found:
        yield found


@pytest.mark.asyncio
async def test_the_hash_is_that_of_the_bytes_and_says_what_and_when(site):
    found = await Fetcher().fetch(f"{site.url}/hop", keep=4)
    assert isinstance(found, Fetched)
    assert (found.sha256, found.size, found.type) == (hashlib.sha256(WORK).digest(), len(WORK), "text/plain")
    assert found.head == WORK[:4] and found.at > 0
    assert site.asked == ["/hop", "/work"] and "Cookie" not in site.sent


@pytest.mark.parametrize(
    ("path", "why", "never"),
    [
        ("empty", "It is empty.", True),
        ("endless", "It is larger than 1 MiB.", True),
        ("bomb", "Its server sends it compressed, though asked not to.", False),
        ("broken", "The answer broke off before its end.", False),
        ("missing", "Its server answered 404 Not Found.", False),
        ("loop", "It leads on more than 5 times.", False),
        ("nowhere", "It leads on more than 5 times.", False),
        (
            "tofile",
            "It leads on to an address that is not fetched: only https without a password, and never from https to http.",
            False,
        ),
        (
            "away",
            "It leads on to an address that is not fetched: only https without a password, and never from https to http.",
            False,
        ),
    ],
)
@pytest.mark.asyncio
async def test_each_way_to_misbehave_is_told_apart(site, path, why, never):
    assert await Fetcher(Limits(size=2**20)).fetch(f"{site.url}/{path}") == Missed(why, never)


@pytest.mark.parametrize("path", ["drip", "silent"])
@pytest.mark.asyncio
async def test_whoever_takes_for_ever_is_left(site, path):
    assert await Fetcher(Limits(seconds=1.0)).fetch(f"{site.url}/{path}") == Missed("It was not there within 1 s.")
    assert site.asked == [f"/{path}"]


@pytest.mark.asyncio
async def test_a_server_that_is_not_there_and_one_that_is_not_who_it_says(site, tmp_path):
    closed = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = closed.sockets[0].getsockname()[1]
    closed.close()
    await closed.wait_closed()
    missed = await Fetcher().fetch(f"http://127.0.0.1:{port}/")
    assert isinstance(missed, Missed) and missed.why.startswith("Its server cannot be reached")
    stranger = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=_own_certificate(tmp_path))
    async with stranger:
        port = stranger.sockets[0].getsockname()[1]
        missed = await Fetcher().fetch(f"https://127.0.0.1:{port}/")
    assert missed == Missed("The certificate of its server is not one that this machine trusts.")


@pytest.mark.asyncio
async def test_many_are_fetched_each_once_and_a_silent_one_costs_the_others_nothing(site):
    paths = [f"{site.url}/{path}" for path in ("silent", "work", "copy", "work")]
    found = await Fetcher(Limits(seconds=5.0)).fetch_many(paths)
    assert [type(found[path]) for path in paths] == [Missed, Fetched, Fetched, Fetched]
    assert sorted(site.asked) == ["/copy", "/silent", "/work"]
    one_by_one = await Fetcher(Limits(together=1.0, at_once=1)).fetch_many(paths)
    assert one_by_one[paths[1]] == Missed("There was no time left for it after the others.")


@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.org/a",
        "file:///etc/passwd",
        "https://",
        "https://ann:secret@example.org/",
        "https://example.org/" + "a" * 2_048,
        "https://[broken",
        "https://example.org:port/",
        "https://example.org/a\nb",
        "http://example.org/",
        "http://192.168.1.7/",
        "http://localhost.example.org/",
    ],
)
def test_what_is_no_address_to_fetch_is_refused_before_anything_is_asked(address):
    with pytest.raises(Invalid, match="Nothing was queued") as refused:
        require_address(address, to_fetch=True)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("address", ["https://example.org/", "https://192.168.1.7/a", "http://127.0.0.1:80/", "http://[::1]/a"])
def test_public_and_private_servers_may_be_asked_and_plainly_only_this_machine(address):
    require_address(address, to_fetch=True)


@pytest.mark.parametrize(
    ("here", "there", "may"),
    [
        ("https://a.example/", "https://b.example/", True),
        ("https://a.example/", "https://10.0.0.1/", True),
        ("https://a.example/", "http://a.example/", False),
        ("https://a.example/", "http://127.0.0.1/", False),
        ("http://127.0.0.1/", "http://127.0.0.1:81/", True),
        ("http://127.0.0.1/", "https://a.example/", True),
        ("https://a.example/", "file:///etc/passwd", False),
        ("https://a.example/", "data:text/plain,a", False),
        ("https://a.example/", "https://ann:secret@a.example/", False),
    ],
)
def test_where_a_redirect_may_lead(here, there, may):
    assert _may_lead(URL(here), URL(there)) is may


def _own_certificate(folder) -> ssl.SSLContext:
    """A server's certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + built.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
