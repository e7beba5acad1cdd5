"""Logs with known templates, in the forms of well-known programs, written from their public formats.

Each line has the number of the template that it was made of, which is the truth that miners are compared with.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_HEX = "0123456789abcdef"
_USERS = ("root", "admin", "oracle", "test", "git", "ubuntu", "deploy", "guest", "pi", "ftpuser", "www", "nagios")
_PATHS = ("/", "/login", "/api/v1/orders", "/static/app.js", "/robots.txt", "/cart", "/checkout", "/favicon.ico")


def _hex(night: random.Random, length: int) -> str:
    return "".join(night.choices(_HEX, k=length))


_FIELDS: dict[str, Callable[[random.Random], str]] = {
    "n": lambda r: str(r.randint(0, 10 ** r.randint(1, 6))),
    "small": lambda r: str(r.randint(0, 40)),
    "ip": lambda r: ".".join(str(r.randint(1, 254)) for _ in range(4)),
    "port": lambda r: str(r.randint(1024, 65535)),
    "blk": lambda r: f"blk_{r.choice(('', '-'))}{r.randint(10**17, 10**19)}",
    "hex16": lambda r: f"0x{_hex(r, 15)}",
    "sha": lambda r: _hex(r, 40),
    "uuid": lambda r: "-".join(_hex(r, n) for n in (8, 4, 4, 4, 12)),
    "user": lambda r: r.choice(_USERS),
    "path": lambda r: r.choice(_PATHS),
    "dir": lambda r: f"/user/hdfs/rand/_temporary/_task_{r.randint(1, 10**6):06}/part-{r.randint(0, 999):05}",
    "time": lambda r: f"{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}",
    "ms": lambda r: f"{r.randint(0, 999):03}",
    "secs": lambda r: f"{r.random() * 100:.2f}",
}


@dataclass(frozen=True, slots=True)
class Form:
    """A program's logs: what stands before each message, and the messages, the frequent ones first."""

    name: str
    head: str
    messages: tuple[str, ...]

    def lines(self, count: int, seed: int) -> Iterator[tuple[int, str]]:
        """Yield so many lines, each with the number of its message."""
        night = random.Random(f"{self.name}{seed}")
        numbers = range(len(self.messages))
        weights = [1 / (number + 1) for number in numbers]
        for number in night.choices(numbers, weights, k=count):
            yield number, _filled(f"{self.head}{self.messages[number]}", night)


def _filled(form: str, night: random.Random) -> str:
    first, *rest = form.split("{")
    parts = [first]
    for piece in rest:
        name, _, text = piece.partition("}")
        parts += (_FIELDS[name](night), text)
    return "".join(parts)


FORMS = (
    Form(
        "HDFS",
        "081109 {n} {n} INFO dfs.",
        (
            "DataNode$DataXceiver: Receiving block {blk} src: /{ip}:{port} dest: /{ip}:50010",
            "FSNamesystem: BLOCK* NameSystem.addStoredBlock: blockMap updated: {ip}:50010 is added to {blk} size {n}",
            "DataNode$PacketResponder: PacketResponder {small} for block {blk} terminating",
            "DataNode$PacketResponder: Received block {blk} of size {n} from /{ip}",
            "FSNamesystem: BLOCK* NameSystem.allocateBlock: {dir}. {blk}",
            "FSDataset: Deleting block {blk} file /mnt/hadoop/dfs/data/current/{blk}",
            "FSNamesystem: BLOCK* NameSystem.delete: {blk} is added to invalidSet of {ip}:50010",
            "DataNode$DataXceiver: Served block {blk} to /{ip}",
            "DataBlockScanner: Verification succeeded for {blk}",
            "DataNode$DataXceiver: writeBlock {blk} received exception java.io.IOException: Could not read from stream",
            "FSNamesystem: BLOCK* ask {ip}:50010 to replicate {blk} to datanode(s) {ip}:50010",
            "DataNode$DataTransfer: {ip}:50010:Transmitted block {blk} to /{ip}:50010",
        ),
    ),
    Form(
        "nginx",
        "2026/03/04 {time} [error] {n}#{n}: *{n} ",
        (
            'open() "/srv/www{path}" failed (2: No such file or directory), client: {ip}, server: shop.example',
            "upstream timed out (110: Connection timed out) while reading response header from upstream, client: {ip}",
            'connect() failed (111: Connection refused) while connecting to upstream, upstream: "http://{ip}:{port}"',
            "upstream prematurely closed connection while reading response header from upstream, client: {ip}",
            "client intended to send too large body: {n} bytes, client: {ip}, server: shop.example",
            'limiting requests, excess: {secs} by zone "api", client: {ip}, server: shop.example',
            'access forbidden by rule, client: {ip}, server: shop.example, request: "GET {path} HTTP/1.1"',
            "SSL_do_handshake() failed while SSL handshaking, client: {ip}, server: {ip}:443",
            "no live upstreams while connecting to upstream, client: {ip}, server: shop.example",
            "recv() failed (104: Connection reset by peer) while proxying upgraded connection, client: {ip}",
        ),
    ),
    Form(
        "sshd",
        "Mar  4 {time} bastion sshd[{n}]: ",
        (
            "Failed password for invalid user {user} from {ip} port {port} ssh2",
            "Failed password for {user} from {ip} port {port} ssh2",
            "Invalid user {user} from {ip}",
            "input_userauth_request: invalid user {user} [preauth]",
            "pam_unix(sshd:auth): check pass; user unknown",
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}",
            "Received disconnect from {ip}: 11: Bye Bye [preauth]",
            "Connection closed by {ip} [preauth]",
            "reverse mapping checking getaddrinfo for host.example [{ip}] failed - POSSIBLE BREAK-IN ATTEMPT!",
            "Accepted password for {user} from {ip} port {port} ssh2",
            "pam_unix(sshd:session): session opened for user {user} by (uid=0)",
            "pam_unix(sshd:session): session closed for user {user}",
            "error: maximum authentication attempts exceeded for {user} from {ip} port {port} ssh2 [preauth]",
            "Did not receive identification string from {ip}",
            "Server listening on {ip} port 22.",
        ),
    ),
    Form(
        "zookeeper",
        "2026-03-04 {time},{ms} - ",
        (
            "INFO  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxnFactory@197] - Accepted socket connection "
            "from /{ip}:{port}",
            "INFO  [CommitProcessor:1:ZooKeeperServer@595] - Established session {hex16} with negotiated timeout 10000 "
            "for client /{ip}:{port}",
            "WARN  [SendWorker:{n}:QuorumCnxManager$SendWorker@679] - Interrupted while waiting for message on queue",
            "WARN  [RecvWorker:{n}:QuorumCnxManager$RecvWorker@762] - Connection broken for id {n}, my id = 1, error =",
            "INFO  [ProcessThread:-1:PrepRequestProcessor@476] - Processed session termination for sessionid: {hex16}",
            "INFO  [SessionTracker:ZooKeeperServer@325] - Expiring session {hex16}, timeout of 10000ms exceeded",
            "WARN  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@349] - caught end of stream exception",
            "INFO  [WorkerSender:QuorumPeer$LeaderElection@742] - Have smaller server identifier, so dropping the "
            "connection: ({n}, {n})",
            "INFO  [QuorumPeer:/0.0.0.0:2181:FastLeaderElection@774] - Notification time out: {n}",
            "WARN  [WorkerSender:QuorumCnxManager@368] - Cannot open channel to {small} at election address /{ip}:3888",
            "INFO  [QuorumPeer:/0.0.0.0:2181:Environment@100] - Server environment:java.version=1.7.0_{small}",
        ),
    ),
    Form(
        "actions",
        "2026-03-04T{time}.{n}Z ",
        (
            "npm warn deprecated glob@7.{small}.{small}: Glob versions prior to v9 are no longer supported",
            "  ✓ packages/cart/src/total.test.ts ({small} tests) {n}ms",
            "added {n} packages, and audited {n} packages in {small}s",
            "HEAD is now at {sha} Merge branch of the release",
            "##[group]Run actions/checkout@v{small}",
            "Cache restored from key: Linux-node-{sha}",
            "Received {n} of {n} ({secs}%), {secs} MBs/sec",
            "Artifact report has been successfully uploaded! Final size is {n} bytes. Artifact ID is {n}",
            "##[error]Process completed with exit code 1.",
            "Tests: {small} failed, {n} passed, {n} total",
            "request {uuid} failed with status 503 after {n} ms",
            "src/cart/total.ts({small},{small}): error TS2322: Type 'string' is not assignable to type 'number'.",
            "src/cart/total.ts({small},{small}): error TS2532: Object is possibly 'undefined'.",
            "Temporarily overriding HOME='/home/runner/_work/_temp/{uuid}' before making global git config changes",
        ),
    ),
)  # fmt: skip
