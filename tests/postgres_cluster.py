"""A throwaway PostgreSQL cluster made from the installed server binaries, reachable by Unix socket only."""

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text

from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import upgrade

_TEMPLATE = "store_template"
_LEAST_ROOM = 2 * 1024**3


def _server_binaries() -> Path:
    """Return the folder of the newest installed server, Debian's layout first."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]), reverse=True)
    if debian:
        return debian[0].parent
    initdb = shutil.which("initdb")
    if initdb is None:
        raise RuntimeError("PostgreSQL's server binaries are missing: run `make test`, or apt-get install postgresql")
    return Path(initdb).resolve().parent


def _server_user() -> str:
    """PostgreSQL refuses to run as root: then the `postgres` system user of the package runs it."""
    return "postgres" if os.geteuid() == 0 else getpass.getuser()


def _roomy_memory() -> str | None:
    """Return the memory's folder if there is room, since a cluster is made and removed fastest there, or None."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > _LEAST_ROOM else None


class PostgresCluster:
    """A running cluster; `create_store` makes a new upgraded database in it in a few milliseconds."""

    def __init__(self, binaries: Path, folder: Path, user: str) -> None:
        self._binaries = binaries
        self._folder = folder
        self._user = user
        self._names = (f"store_{n}" for n in count())

    @classmethod
    @contextmanager
    def start(cls, parent: Path | None = None, options: str = "") -> Iterator["PostgresCluster"]:
        """Create and start a cluster, in memory unless a parent folder is given; stop and delete it at the end."""
        user = _server_user()
        # Not pytest's tmp_path: its parents are private to root, and a socket's path may be 107 bytes at most.
        folder = Path(tempfile.mkdtemp(prefix="repo-agent-pg-", dir=parent or _roomy_memory()))
        shutil.chown(folder, user=pwd.getpwnam(user).pw_name)
        cluster = cls(_server_binaries(), folder, user)
        try:
            cluster._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "--no-sync")
            options = f"-k {folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off {options}"
            cluster._run("pg_ctl", "-D", str(folder / "data"), "-w", "-l", str(folder / "log"), "-o", options, "start")
            cluster._make_template()
            yield cluster
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                cluster._run("pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "-w", "stop")
            shutil.rmtree(folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """SQLAlchemy URL of a database of this cluster."""
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def create_store(self) -> str:
        """Create an upgraded, empty store and return its URL."""
        name = next(self._names)
        self._execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a store: each has hundreds of files, and a thousand of them take long to remove at the end."""
        name = url.partition("postgresql://postgres@/")[2].partition("?")[0]
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def create_database(self) -> str:
        """Create a database without any table and return its URL."""
        name = next(self._names)
        self._execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def _make_template(self) -> None:
        self._execute(f"CREATE DATABASE {_TEMPLATE}")
        engine = open_store(self.url(_TEMPLATE))
        upgrade(engine)
        engine.dispose()

    def _execute(self, statement: str) -> None:
        engine = create_engine(self.url("postgres").replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
        engine.dispose()

    def _run(self, program: str, *arguments: str) -> None:
        argv = [str(self._binaries / program), *arguments]
        if self._user != getpass.getuser():
            argv = ["runuser", "-u", self._user, "--", *argv]
        result = subprocess.run(argv, cwd=self._folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode != 0:
            raise RuntimeError(f"{program} failed with {result.returncode}:\n{result.stdout}")
