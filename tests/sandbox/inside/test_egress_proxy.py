"""The proxy of an allowlist: what gets through, what is refused, and that a name cannot lead to a private address."""

import asyncio
import base64
import ipaddress
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.sandbox.inside.egress_proxy import (
    HEAD_BYTES,
    Proxy,
    Refused,
    Settings,
    admits,
    authority,
    is_public,
    parse,
    permitted_addresses,
)

PUBLIC = "203.0.113.7"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.mark.parametrize(
    ("entry", "host", "port"),
    [
        ("index.example", "index.example", 443),
        ("index.example", "index.example", 80),
        ("Index.Example", "index.example", 443),
        ("git.acme.org:8443", "git.acme.org", 8443),
        ("*.acme.org", "a.acme.org", 443),
        ("*.acme.org", "a.b.acme.org", 80),
        ("*.acme.org:9000", "a.acme.org", 9000),
        ("10.1.2.3", "10.1.2.3", 443),
    ],
)
def test_what_is_listed_is_admitted(entry: str, host: str, port: int) -> None:
    assert admits(["other.net", entry], host, port)


@pytest.mark.parametrize(
    ("entry", "host", "port"),
    [
        ("index.example", "index.example", 22),
        ("index.example", "evil-index.example", 443),
        ("index.example", "index.example.evil.net", 443),
        ("index.example", "a.index.example", 443),
        ("git.acme.org:8443", "git.acme.org", 443),
        ("*.acme.org", "acme.org", 443),
        ("*.acme.org", "evilacme.org", 443),
        ("*.2.3", "10.1.2.3", 443),
        ("*", "index.example", 443),
    ],
)
def test_what_is_not_listed_is_not(entry: str, host: str, port: int) -> None:
    assert not admits([entry], host, port)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "0.0.0.0", "10.0.0.1", "172.17.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::7f00:1", "ff02::1",
    ],
)  # fmt: skip
def test_private_loopback_and_metadata_addresses_are_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["1.1.1.1", PUBLIC, "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_addresses_of_the_internet_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "1.2.3.4.5", "1.2.3.256", "[::1]", "[::1]:80",
        "user@index.example", "index.example:0", "index.example:65536", "index.example:x", "index.example:",
        "", "a..b", "-a.org", "index.example%00",
        "index.example\tx", "ⓘndex.example", "index.example:443:80",
    ],
)  # fmt: skip
def test_numbers_in_disguise_and_odd_names_are_refused(text: str) -> None:
    if text == "index.example:":
        assert authority(text, 80) == ("index.example", 80)
        return
    with pytest.raises(Refused):
        authority(text, 443)


@given(st.text(max_size=300))
def test_a_host_is_refused_or_a_plain_name(text: str) -> None:
    try:
        host, port = authority(text, 443)
    except Refused:
        return
    assert host.isascii()
    assert not set(host) & set("@/:[]%?# \r\n\0")
    assert 0 < port < 65_536


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_head_is_read_or_refused(before: bytes, after: bytes) -> None:
    for head in (
        before,
        b"GET http://a.org" + before + b" HTTP/1.1\r\n" + after,
        b"CONNECT a.org:443 HTTP/1.1\r\n" + after,
    ):
        try:
            request = parse(head)
        except Refused:
            continue
        assert not any(character in request.target for character in "\r\n ")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Transfer-Encoding: chunked", 411),
        ("Content-Length: 3\r\nContent-Length: 4", 400),
        ("Content-Length: -1", 400),
        ("Content-Length: +3", 400),
        ("Content-Length: ³", 400),
    ],
)
def test_a_body_whose_length_is_not_sure_is_refused(header: str, status: int) -> None:
    request = parse(f"POST http://a.org/ HTTP/1.1\r\n{header}".encode("utf-8", "replace"))

    with pytest.raises(Refused) as refused:
        _ = request.body_bytes
    assert refused.value.status == status


def resolving(answers: Mapping[str, Sequence[str]]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(host: str, _port: int) -> Sequence[str]:
        return answers[host]

    return resolve


def permitted(allowed: Sequence[str], host: str, *addresses: str) -> list[str]:
    return asyncio.run(permitted_addresses(allowed, host, 443, resolving({host: addresses})))


def test_a_listed_name_is_connected_at_its_public_addresses_alone() -> None:
    assert permitted(["a.org"], "a.org", "10.0.0.1", PUBLIC, "::1") == [PUBLIC]


def test_a_listed_name_that_leads_to_a_private_address_is_refused() -> None:
    with pytest.raises(Refused, match=r"host a\.org leads to the private address 169\.254\.169\.254"):
        permitted(["a.org"], "a.org", "169.254.169.254")


def test_a_private_address_that_is_listed_too_is_permitted() -> None:
    assert permitted(["a.org", "10.0.0.1:443"], "a.org", "10.0.0.1") == ["10.0.0.1"]


def ask(
    settings: Settings, request: bytes, resolve: Mapping[str, Sequence[str]] | None = None
) -> tuple[bytes, list[str]]:
    """Send a request to a proxy on loopback, end it, and return all that comes back, and what was reported."""
    reported: list[str] = []

    async def run() -> bytes:
        proxy = Proxy(settings, reported.append, resolving(resolve or {}))
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=HEAD_BYTES)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(request)
            answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            return answer

    return asyncio.run(run()), reported


def with_far_server(handler: Handler, use: Callable[[int], tuple[bytes, list[str]]]) -> tuple[bytes, list[str]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(handler, "127.0.0.1", 0), loop).result(10)
        return use(server.sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def settings(*allowed: str, proxies: Mapping[str, str] | None = None, direct: tuple[str, ...] = ()) -> Settings:
    return Settings("127.0.0.1", 0, allowed, proxies or {}, direct)


def test_a_refusal_is_told_in_the_status_line_in_the_body_and_outside() -> None:
    told = b"host evil.net port 443 is not on the allowlist of this sandbox (index.example)"

    answer, reported = ask(settings("index.example"), b"CONNECT evil.net:443 HTTP/1.1\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 403 " + told + b"\r\n")
    assert answer.endswith(b"\r\n\r\n" + told + b"\n")
    assert reported == ["refused: " + told.decode()]


def test_a_head_that_is_too_long_is_refused() -> None:
    answer, _ = ask(settings("a.org"), b"GET http://a.org/ HTTP/1.1\r\nX: " + b"x" * HEAD_BYTES * 2)

    assert answer.startswith(b"HTTP/1.1 431 ")


def test_a_plain_request_goes_out_under_the_name_that_was_checked() -> None:
    seen: list[bytes] = []

    async def far(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        seen.append(await reader.readexactly(3))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        writer.close()

    def use(port: int) -> tuple[bytes, list[str]]:
        request = (
            f"POST http://a.org:{port}/x?y HTTP/1.1\r\nHost: evil.net\r\nProxy-Authorization: Basic x\r\n"
            "Connection: X-Hop\r\nX-Hop: 1\r\nX-Kept: 2\r\nContent-Length: 3\r\n\r\nabcGET http://evil.net/ HTTP/1.1"
        )
        return ask(settings(f"a.org:{port}", f"127.0.0.1:{port}"), request.encode(), {"a.org": ["127.0.0.1"]})

    answer, _ = with_far_server(far, use)

    assert answer.endswith(b"\r\n\r\nhi")
    lines = seen[0].decode().split("\r\n")
    assert lines[0] == "POST /x?y HTTP/1.1"
    assert lines[1].startswith("Host: a.org:")
    assert lines[2:] == ["X-Kept: 2", "Content-Length: 3", "Connection: close", "", ""]
    assert seen[1] == b"abc"


def test_the_hosts_own_proxy_is_chained_to_with_its_credentials() -> None:
    seen: list[bytes] = []

    async def far(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 fine\r\n\r\nfrom far")
        writer.close()

    def use(port: int) -> tuple[bytes, list[str]]:
        proxies = {"https": f"http://us%40er:secret@127.0.0.1:{port}"}
        return ask(settings("a.org", proxies=proxies), b"CONNECT a.org:443 HTTP/1.1\r\n\r\n")

    answer, _ = with_far_server(far, use)

    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\nfrom far"
    login = base64.b64encode(b"us@er:secret").decode()
    assert seen[0].decode() == (
        f"CONNECT a.org:443 HTTP/1.1\r\nHost: a.org:443\r\nProxy-Authorization: Basic {login}\r\n\r\n"
    )


def test_what_the_hosts_own_proxy_refuses_is_told_as_its_refusal() -> None:
    async def far(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 log in\r\n\r\n")
        writer.close()

    def use(port: int) -> tuple[bytes, list[str]]:
        proxies = {"https": f"http://127.0.0.1:{port}"}
        return ask(settings("a.org", proxies=proxies), b"CONNECT a.org:443 HTTP/1.1\r\n\r\n")

    answer, _ = with_far_server(far, use)

    assert answer.startswith(b"HTTP/1.1 502 the host's own proxy refuses a.org: HTTP/1.1 407 log in\r\n")


def test_a_private_address_is_refused_by_name_alone_where_the_hosts_proxy_looks_names_up() -> None:
    request = b"CONNECT 10.0.0.1:443 HTTP/1.1\r\n\r\n"

    answer, _ = ask(settings("*.org", proxies={"https": "http://127.0.0.1:9"}), request)

    assert answer.startswith(b"HTTP/1.1 403 host 10.0.0.1 port 443 is not on the allowlist")
