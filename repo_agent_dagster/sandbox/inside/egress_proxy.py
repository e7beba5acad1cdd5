"""The way out of a sandbox with an allowlist: an HTTP proxy that lets listed hosts through and nothing else.

Run as ``python3 -I -S -c <this file> <seconds>``, as process 1 of a container of its own beside the sandbox, by a user
without privileges. It reads one line of JSON from its standard input (`Settings`), says ``ready``, and then a line for
each refusal. It speaks CONNECT and plain HTTP/1.1, one request for each connection, and ends after that many seconds.

Only names that are listed get through, and only to public addresses: a name that leads to a private one (the host's
own services, a cloud's metadata service) is refused unless that address is listed too. The address that was checked
is the one that is connected to, so a second look-up cannot lead elsewhere.
"""

import asyncio
import base64
import ipaddress
import json
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

DEFAULT_PORTS = (80, 443)
HEAD_BYTES = 32_768
HEAD_SECONDS = 30.0
CONNECT_SECONDS = 20.0
LINGER_SECONDS = 60.0
CONNECTIONS = 256
_CHUNK = 65_536
_REPORTED_REFUSALS = 1_000
_SHOWN_ENTRIES = 20
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
# Of one hop, or replaced by ours.
_DROPPED = ("connection", "proxy-connection", "proxy-authorization", "keep-alive", "te", "trailer", "upgrade", "host")

# What is not the public internet. Documentation networks are missing on purpose: nobody routes them, but some build
# farms give their package mirrors such addresses.
_INSIDE = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
]  # fmt: skip
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Refused(Exception):
    """A request that is not carried out: the HTTP status and the sentence that the client gets."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Settings:
    """Where to listen, what is allowed, and the host's own proxies by scheme, if it has any.

    `allowed` holds ``name``, ``name:port``, ``*.name`` and IPv4 addresses; without a port, 80 and 443 are meant.
    `proxies` are URLs, possibly with credentials; `direct` are the names that the host reaches without them.
    """

    listen: str
    port: int
    allowed: tuple[str, ...]
    proxies: Mapping[str, str]
    direct: tuple[str, ...]

    @classmethod
    def read(cls, line: str) -> "Settings":
        """Read the line that comes on standard input."""
        told = json.loads(line)
        return cls(told["listen"], told["port"], tuple(told["allowed"]), told["proxies"], tuple(told["direct"]))


@dataclass(frozen=True)
class Request:
    """The head of a request: where it wants to go, and what is passed on of it."""

    method: str
    host: str
    port: int
    target: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body_bytes(self) -> int:
        """How long the body is."""
        lengths = {value for name, value in self.headers if name.lower() == "content-length"}
        if any(name.lower() == "transfer-encoding" for name, _ in self.headers):
            raise Refused(411, "send a Content-Length; this proxy takes no chunked requests")
        if len(lengths) > 1 or not all(value.isascii() and value.isdecimal() for value in lengths):
            raise Refused(400, "the Content-Length is not one number")
        return int(next(iter(lengths), "0"))


def parse(head: bytes) -> Request:
    """Read the head of a request.

    Raises:
        Refused: it is malformed, or asks a web server and not a proxy.
    """
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0") or not re.fullmatch(r"[A-Z]{1,20}", words[0]):
        raise Refused(400, "this is not an HTTP/1 request")
    method, target, _ = words
    headers = []
    for line in filter(None, lines[1:]):
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[\x00\r\n]", value):
            raise Refused(400, "a header of the request is malformed")
        headers.append((name, value.strip(" \t")))
    if method == "CONNECT":
        host, port = authority(target, 443)
        return Request(method, host, port, target, tuple(headers))
    found = re.fullmatch(r"http://(?P<authority>[^/?#]*)(?P<path>/[^#]*|\?[^#]*)?", target, re.IGNORECASE)
    if found is None:
        raise Refused(400, "this is a proxy for http:// URLs and CONNECT, not a web server")
    host, port = authority(found["authority"], 80)
    path = found["path"] or "/"
    return Request(method, host, port, path if path.startswith("/") else f"/{path}", tuple(headers))


def authority(text: str, default_port: int) -> tuple[str, int]:
    """Return the host, lower case, and the port of ``host:port``.

    Raises:
        Refused: it is neither a plain name nor an IPv4 address in its usual form.
    """
    name, _, digits = text.lower().partition(":")
    host = name.removesuffix(".")
    if not re.fullmatch(r"[0-9]{0,5}", digits) or not 0 < int(digits or default_port) < 65_536:
        raise Refused(400, "the port is not a number from 1 to 65535")
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise Refused(400, "the host is not a plain name; user names, IPv6 addresses and escapes are not taken")
    # 2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1 to some resolvers: what looks like a number must be an address.
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rpartition(".")[2]) and _address(host) is None:
        raise Refused(400, "the host is not a name, and not an IPv4 address in its usual form")
    return host, int(digits or default_port)


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def admits(allowed: Sequence[str], host: str, port: int) -> bool:
    """Whether an entry of the list admits a host, in lower case, at a port."""
    return any(_matches(entry.lower(), host, port) for entry in allowed)


def _matches(entry: str, host: str, port: int) -> bool:
    name, _, digits = entry.partition(":")
    if port not in ((int(digits),) if digits else DEFAULT_PORTS):
        return False
    if name.startswith("*."):
        return host.endswith(name[1:]) and _address(host) is None
    return host == name


def is_public(address: Address) -> bool:
    """Whether an address is of the public internet, and not of a machine, a network or a cloud of one's own."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
    return not any(address.version == network.version and address in network for network in _INSIDE)


async def look_up(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, by the resolver of this container."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)  # SOCK_STREAM
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def permitted_addresses(allowed: Sequence[str], host: str, port: int, resolve: Resolve) -> list[str]:
    """Return the addresses that a listed host may be connected at.

    Raises:
        Refused: it is not listed, cannot be found, or leads to private addresses that are not listed.
    """
    if not admits(allowed, host, port):
        shown = ", ".join(allowed[:_SHOWN_ENTRIES]) or "nothing"
        more = "" if len(allowed) <= _SHOWN_ENTRIES else f" and {len(allowed) - _SHOWN_ENTRIES} more"
        raise Refused(403, f"host {host} port {port} is not on the allowlist of this sandbox ({shown}{more})")
    try:
        found = [host] if _address(host) else await asyncio.wait_for(resolve(host, port), CONNECT_SECONDS)
    except (OSError, UnicodeError, asyncio.TimeoutError) as error:  # noqa: UP041 - another class before Python 3.11
        raise Refused(502, f"host {host} cannot be found: {error or 'no answer'}") from error
    listed = {entry.partition(":")[0] for entry in allowed}
    permitted = [text for text in found if text in listed or ((known := _address(text)) and is_public(known))]
    if not permitted:
        raise Refused(403, f"host {host} leads to the private address {found[0]}, which is not on the allowlist")
    return permitted


class Proxy:
    """The proxy; `report` takes a line for each refusal."""

    def __init__(self, settings: Settings, report: Callable[[str], None], resolve: Resolve = look_up) -> None:
        self._settings = settings
        self._report = report
        self._resolve = resolve
        self._open = 0
        self._refusals = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry out the one request of a connection."""
        self._open += 1
        try:
            await self._carry_out(reader, writer)
        except Refused as refused:
            self._note(refused)
            _answer(writer, refused)
        except (OSError, asyncio.IncompleteReadError):
            pass  # one side hung up: the other learns it by the close below
        finally:
            self._open -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _note(self, refused: Refused) -> None:
        self._refusals += 1
        if self._refusals <= _REPORTED_REFUSALS:
            self._report(f"refused: {refused.reason}")

    async def _carry_out(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open > CONNECTIONS:
            raise Refused(503, f"more than {CONNECTIONS} connections are open")
        request = parse(await _head(reader))
        body_bytes = 0 if request.method == "CONNECT" else request.body_bytes
        far_reader, far_writer = await self._connect(request)
        try:
            if request.method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await _both_ways((reader, writer), (far_reader, far_writer))
                return
            far_writer.write(self._head_for_far(request))
            sending = asyncio.ensure_future(_pass_on(reader, far_writer, body_bytes))
            try:
                await _pass_on(far_reader, writer)
            finally:
                sending.cancel()
                with suppress(asyncio.CancelledError, OSError):
                    await sending
        finally:
            far_writer.close()

    async def _connect(self, request: Request) -> Streams:
        settings = self._settings
        proxy = self._proxy_for(request)
        if proxy is None:
            addresses = await permitted_addresses(settings.allowed, request.host, request.port, self._resolve)
            return await _open(addresses, request.port, request.host)
        # The host's proxy looks names up itself, so only what the name alone tells can be checked here.
        resolve = self._resolve if _address(request.host) else _nowhere_private
        await permitted_addresses(settings.allowed, request.host, request.port, resolve)
        parts = urlsplit(proxy)
        streams = await _open([parts.hostname or ""], parts.port or 80, "the host's own proxy")
        if request.method == "CONNECT":
            await _tunnel(streams, request, _authorization(proxy))
        return streams

    def _proxy_for(self, request: Request) -> str | None:
        if any(_is_direct(entry.lower(), request.host) for entry in self._settings.direct):
            return None
        return self._settings.proxies.get("https" if request.method == "CONNECT" else "http")

    def _head_for_far(self, request: Request) -> bytes:
        proxy = self._proxy_for(request)
        where = request.host if request.port == 80 else f"{request.host}:{request.port}"
        target = request.target if proxy is None else f"http://{where}{request.target}"
        named = {word.strip().lower() for name, value in request.headers if name.lower() == "connection"
                 for word in value.split(",")}  # fmt: skip
        kept = [f"{name}: {value}" for name, value in request.headers if name.lower() not in {*_DROPPED, *named}]
        login = _authorization(proxy) if proxy else []
        lines = [f"{request.method} {target} HTTP/1.1", f"Host: {where}", *kept, *login, "Connection: close", "", ""]
        return "\r\n".join(lines).encode("latin-1")


async def _nowhere_private(_host: str, _port: int) -> Sequence[str]:
    return ["192.0.2.1"]  # stands for the address that the host's proxy will find


def _is_direct(entry: str, host: str) -> bool:
    name = entry.partition(":")[0].removeprefix("*").removeprefix(".")
    return entry == "*" or (name != "" and (host == name or host.endswith(f".{name}")))


def _authorization(proxy: str) -> list[str]:
    parts = urlsplit(proxy)
    if parts.username is None:
        return []
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return [f"Proxy-Authorization: Basic {base64.b64encode(login).decode()}"]


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
    except asyncio.LimitOverrunError as error:
        raise Refused(431, f"the head of the request has more than {HEAD_BYTES} bytes") from error
    except asyncio.TimeoutError as error:  # noqa: UP041 - another class before Python 3.11
        raise Refused(408, f"no whole request within {HEAD_SECONDS:.0f} s") from error


async def _open(addresses: Sequence[str], port: int, name: str) -> Streams:
    problem: object = "no address"
    for address in addresses:
        try:
            opening = asyncio.open_connection(address, port, limit=HEAD_BYTES)
            return await asyncio.wait_for(opening, CONNECT_SECONDS)
        except (OSError, asyncio.TimeoutError) as error:  # noqa: UP041 - another class before Python 3.11
            problem = error or "no answer"
    raise Refused(502, f"{name} cannot be reached at port {port}: {problem}")


async def _tunnel(far: Streams, request: Request, login: Sequence[str]) -> None:
    where = f"{request.host}:{request.port}"
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}", *login, "", ""]
    far[1].write("\r\n".join(lines).encode())
    try:
        status = (await _head(far[0])).split(b"\r\n")[0].decode("latin-1")
    except (Refused, OSError, asyncio.IncompleteReadError) as error:
        far[1].close()
        raise Refused(502, "the host's own proxy hung up or sent no whole answer") from error
    if not re.match(r"HTTP/1\.[01] 2\d\d", status):
        far[1].close()
        raise Refused(502, f"the host's own proxy refuses {request.host}: {status}")


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter, limit: int | None = None) -> None:
    left = limit
    while left is None or left > 0:
        data = await source.read(_CHUNK if left is None else min(_CHUNK, left))
        if not data:
            break
        target.write(data)
        await target.drain()
        left = None if left is None else left - len(data)


async def _both_ways(near: Streams, far: Streams) -> None:
    async def one_way(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await _pass_on(source, target)
            target.write_eof()

    ways = [asyncio.ensure_future(one_way(near[0], far[1])), asyncio.ensure_future(one_way(far[0], near[1]))]
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    _, hanging = await asyncio.wait(ways, timeout=LINGER_SECONDS)
    for way in hanging:
        way.cancel()


def _answer(writer: asyncio.StreamWriter, refused: Refused) -> None:
    # In the status line as well: of a refused CONNECT, most clients show nothing else.
    text = re.sub(r"[^\x20-\x7e]", "?", refused.reason)
    head = f"HTTP/1.1 {refused.status} {text}\r\nContent-Type: text/plain\r\nContent-Length: {len(text) + 1}\r\n"
    with suppress(OSError):
        writer.write(f"{head}Connection: close\r\n\r\n{text}\n".encode("ascii"))


def _say(line: str) -> None:
    sys.stdout.write(re.sub(r"[^\x20-\x7e]", "?", line)[:500] + "\n")
    sys.stdout.flush()


async def _main(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(seconds, os._exit, 0)  # whatever hangs
    loop.add_signal_handler(signal.SIGTERM, os._exit, 0)  # process 1 has no default handlers
    settings = Settings.read(await loop.run_in_executor(None, sys.stdin.readline))
    proxy = Proxy(settings, _say)
    server = await asyncio.start_server(proxy.serve, settings.listen, settings.port, limit=HEAD_BYTES)
    async with server:
        _say("ready")
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(float(sys.argv[1])))
