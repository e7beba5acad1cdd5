"""Files of Git LFS: fetched on the host from a server that speaks the batch API, and put in their pointers' place."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from repo_agent_dagster.sandbox.repositories.cloning import clone_into
from repo_agent_dagster.sandbox.repositories.faults import RepositoryError, RepositoryUnavailable
from repo_agent_dagster.sandbox.repositories.history import Mirror
from repo_agent_dagster.sandbox.repositories.lfs import LfsFile, fetch_lfs, lfs_files, put_lfs
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.repositories.urls import Credentials, RepositoryUrl
from repo_agent_dagster.sandbox.sandbox import Sandbox
from tests.sandbox.repositories.making import git

MODEL = b"weights " * 4000
ROBOT = Credentials("robot", "hunter2")


def pointer(content: bytes) -> str:
    oid = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"


@dataclass
class LfsServer:
    """A server that has these contents; `asked` are the paths and the credentials that it was asked with."""

    contents: dict[str, bytes]
    port: int = 0
    status: int = 200
    lie: bytes | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[LfsServer]:
    state = LfsServer({hashlib.sha256(MODEL).hexdigest(): MODEL})

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.asked.append((self.path, self.headers.get("Authorization", "")))
            href = f"http://127.0.0.1:{state.port}/objects/"
            found = [
                {**one, "actions": {"download": {"href": href + one["oid"], "header": {"X-Key": "of-this-object"}}}}
                if one["oid"] in state.contents
                else {**one, "error": {"code": 404, "message": "gone"}}
                for one in body["objects"]
            ]
            self._answer(state.status, json.dumps({"transfer": "basic", "objects": found}).encode())

        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("Authorization", "") + self.headers["X-Key"]))
            self._answer(200, state.lie or state.contents[self.path.rpartition("/")[2]])

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        state.port = running.server_port
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield state
        running.shutdown()
        thread.join()


@pytest.fixture
def with_model(origin: Path, repositories: Repositories, server: LfsServer) -> Mirror:
    """A mirror with a file in LFS, its server on loopback."""
    (origin / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (origin / "model.bin").write_text(pointer(MODEL))
    (origin / "model.bin").chmod(0o755)
    (origin / "about.txt").write_text(pointer(MODEL) + "and more\n")
    git(origin, "-c", "filter.lfs.clean=cat", "-c", "filter.lfs.smudge=cat", "add", "-A")
    git(origin, "commit", "-q", "-m", "with a model")
    mirror = repositories.mirror(origin.as_uri())
    source = RepositoryUrl(f"http://127.0.0.1:{server.port}/team/shop", "http", f"http://127.0.0.1:{server.port}")
    return Mirror(source, mirror.path)


def test_pointers_are_found_where_attributes_send_files_to_lfs(with_model: Mirror, mirror: Mirror) -> None:
    oid = hashlib.sha256(MODEL).hexdigest()

    assert lfs_files(with_model, with_model.resolve("trunk")) == [LfsFile("model.bin", oid, len(MODEL), True)]
    assert lfs_files(mirror, mirror.resolve("v1.0")) == []


def test_contents_are_fetched_once_with_the_repositorys_credentials(with_model: Mirror, server: LfsServer) -> None:
    files = lfs_files(with_model, with_model.resolve("trunk"))

    contents = fetch_lfs(with_model, files, ROBOT)

    assert contents[files[0].oid].read_bytes() == MODEL
    basic = "Basic " + base64.b64encode(b"robot:hunter2").decode()
    assert server.asked == [
        ("/team/shop.git/info/lfs/objects/batch", basic),
        (f"/objects/{files[0].oid}", "of-this-object"),
    ]
    server.asked.clear()
    assert fetch_lfs(with_model, files, None) == contents
    assert server.asked == []


@pytest.mark.parametrize("lie", [b"x" * len(MODEL), MODEL + b"more", MODEL[:-1]])
def test_another_content_is_refused_and_not_kept(with_model: Mirror, server: LfsServer, lie: bytes) -> None:
    files = lfs_files(with_model, with_model.resolve("trunk"))
    server.lie = lie

    with pytest.raises(RepositoryError, match="gives another content"):
        fetch_lfs(with_model, files, None)

    server.lie = None
    assert fetch_lfs(with_model, files, None)


def test_what_the_server_refuses_or_has_not_got_is_told(with_model: Mirror, server: LfsServer) -> None:
    files = lfs_files(with_model, with_model.resolve("trunk"))

    with pytest.raises(RepositoryError, match=r"has not got 0000.* \(1 missing in all\)"):
        fetch_lfs(with_model, [*files, LfsFile("x", "0" * 64, 5)], None)
    server.status = 403
    with pytest.raises(RepositoryError, match="refuses this host"):
        fetch_lfs(with_model, files, ROBOT)
    server.status = 502
    with pytest.raises(RepositoryUnavailable, match="answers 502"):
        fetch_lfs(with_model, files, None)
    with pytest.raises(RepositoryError, match="have over 1024 MiB"):
        fetch_lfs(with_model, [LfsFile("x", "0" * 64, 2 << 30)], None)


def test_a_repository_that_is_not_on_https_has_no_lfs(mirror: Mirror) -> None:
    with pytest.raises(RepositoryError, match="fetched by https alone"):
        fetch_lfs(mirror, [LfsFile("x", "0" * 64, 5)], None)


@pytest.mark.docker
def test_files_stand_in_their_pointers_place_and_git_sees_no_change(with_model: Mirror, box: Sandbox) -> None:
    head = with_model.resolve("trunk")
    clone_into(box, with_model, head)
    files = lfs_files(with_model, head)

    put_lfs(box, files, fetch_lfs(with_model, files, None), "/workspace/repo")

    assert box.get("/workspace/repo/model.bin") == MODEL
    script = (
        "git status --short; git reset -q --hard; wc -c < model.bin; test -x model.bin && echo executable; git diff"
    )
    assert box.exec(script, cwd="/workspace/repo").output == f"{len(MODEL)}\nexecutable\n"
