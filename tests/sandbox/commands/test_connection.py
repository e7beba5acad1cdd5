"""The connection of a command over TLS, as a remote engine has it: its input ends, its output goes on."""

import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from repo_agent_dagster.sandbox.commands.connection import ExecConnection
from repo_agent_dagster.sandbox.docker_engine import engine


class Counting(BaseHTTPRequestHandler):
    """An engine whose only command is ``wc -c``."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        content = json.dumps({"ApiVersion": "1.41"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(101, "UPGRADED")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        size = sum(len(part) for part in iter(lambda: self.rfile.read(65_536), b""))
        told = b"%d\n" % size
        self.wfile.write(b"\x01\0\0\0" + len(told).to_bytes(4, "big") + told)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        return


def certificate(folder: Path) -> None:
    """Write a certificate for this address that is its own authority, under the names that Docker gives such files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    for file in ("ca.pem", "cert.pem"):
        (folder / file).write_bytes(made)
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture
def remote_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # requests lets them win over Docker's own
        monkeypatch.delenv(name, raising=False)
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.usefixtures("remote_engine")
def test_input_ends_over_tls_and_the_answer_still_arrives() -> None:
    connection = ExecConnection(engine(), "e" * 64, [b"x" * 100_000] * 30)
    try:
        answer = b""
        while (frames := connection.read(10)) is not None:
            assert frames, "nothing came within ten seconds"
            answer += b"".join(data for _, data in frames)
    finally:
        connection.close()

    assert answer == b"3000000\n"
