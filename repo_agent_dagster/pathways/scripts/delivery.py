"""How a script gets into a sandbox: put there, or fetched by a signed URL; its digest is checked before each run."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.contracts.faults import PermanentFault

if TYPE_CHECKING:
    from repo_agent_dagster.artifacts.serving import SignedServer
    from repo_agent_dagster.sandbox.sandbox import Sandbox

Way = Literal["put", "url"]

FOLDER = "/tmp/repo-agent-scripts"  # noqa: S108 - a folder of the sandbox, which has one user and ends with the task
LIFETIME = timedelta(minutes=10)
_SECONDS = 120.0
# sha256sum reads "<digest>  <path>"; the script runs only if it agrees, and gets the rest of the arguments.
_CHECKED = 'printf "%s  %s\\n" "$1" "$2" | sha256sum --check --quiet --strict - >&2 || exit 126; shift 2; exec "$@"'


class ScriptUndelivered(PermanentFault):
    """A script did not get into the sandbox whole."""


@dataclass(frozen=True)
class DeliveredScript:
    """A script in a sandbox: where it is, and the SHA-256 that it must have."""

    path: str
    digest: str

    def argv(self, *arguments: str) -> list[str]:
        """Return the command that runs it, if its digest is still right; else the exit code is 126."""
        # Whatever runs in the sandbox has the same user and could have written to it since.
        interpreter = ["python3", "-I"] if self.path.endswith(".py") else ["bash"]
        return ["bash", "-c", _CHECKED, "checked", self.digest, self.path, *interpreter, self.path, *arguments]


class Scripts:
    """The scripts of this version, delivered from an artifact store.

    `way` is how: `put` works without any network; with `url` the sandbox fetches the script itself, by a URL that the
    object store signed, or this process for a local folder. `address` is this host as sandboxes see it.
    """

    def __init__(self, store: ArtifactStore, *, way: Way = "put", address: str | None = None) -> None:
        self._store = store
        self._way = way
        self._address = address
        self._server: SignedServer | None = None

    def deliver(self, box: "Sandbox", name: str) -> DeliveredScript:
        """Bring a script of this package, by its file's name, into the sandbox.

        Raises:
            ScriptUndelivered: the sandbox could not fetch it, or what it got is something else.
            SandboxSpecError: it was to be fetched, and the sandbox may never use the network.
            ArtifactError, ArtifactUnavailable: the artifact store does not keep it or give it.
        """
        content = script(name)
        digest = hashlib.sha256(content).hexdigest()
        key = f"scripts/{digest}/{name}"
        if not self._store.exists(key):
            self._store.put(key, content)
        delivered = DeliveredScript(f"{FOLDER}/{digest[:16]}/{name}", digest)
        folder = delivered.path.rpartition("/")[0]
        if self._way == "put":
            # What is kept, not what is packaged: the store is what an auditor looks at.
            kept = self._store.get(key)
            if hashlib.sha256(kept).hexdigest() != digest:
                raise ScriptUndelivered(f"{name} in the artifact store is not what its key says: {key}")
            box.put({name: kept}, folder)
            return delivered
        self._fetch(box, self._signed(key), delivered.path)
        checked = box.exec(["bash", "-c", _CHECKED, "fetched", digest, delivered.path, "true"], cwd="/")
        if not checked.ok:
            raise ScriptUndelivered(f"{name} did not get into the sandbox whole: {checked.output.strip()[-500:]}")
        return delivered

    def close(self) -> None:
        """Stop serving signed URLs, if any were given."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def _signed(self, key: str) -> str:
        if self._store.folder is None:
            return self._store.sign(key, lifetime=LIFETIME)
        if self._server is None:
            from repo_agent_dagster.artifacts.serving import SignedServer
            from repo_agent_dagster.sandbox.docker_engine import host_address

            self._server = SignedServer(self._store, self._address or host_address())
        return self._server.sign(key, lifetime=LIFETIME)

    def _fetch(self, box: "Sandbox", url: str, path: str) -> None:
        # The URL by standard input: in an argument it would be in the process list and in the log.
        config = f'url = "{url}"\noutput = "{path}"\n'.encode()
        command = ["curl", "--fail", "--silent", "--show-error", "--create-dirs", "--noproxy", "*", "--config", "-"]
        if self._store.folder is None:
            command = [part for part in command if part not in ("--noproxy", "*")]
        # One that is there already may be of an earlier delivery, which nobody may write to.
        afresh = ["bash", "-c", 'rm -f -- "$1" && shift && exec "$@"', "fetch", path, *command]
        with box.network():
            done = box.exec(afresh, cwd="/", stdin=config, timeout_seconds=_SECONDS)
        if not done.ok:
            raise ScriptUndelivered(
                f"the sandbox cannot fetch {path.rpartition('/')[2]} ({done.output.strip()[-500:]}); deliver scripts "
                "without the network: REPO_AGENT_SCRIPT_DELIVERY=put"
            )


@cache
def script(name: str) -> bytes:
    """Return the text of a script of this package.

    Raises:
        ScriptUndelivered: there is none by this name.
    """
    found = resources.files(__package__) / name
    if "/" in name or not name.endswith((".sh", ".py")) or not found.is_file():
        raise ScriptUndelivered(f"there is no script {name!r}")
    return found.read_bytes()
