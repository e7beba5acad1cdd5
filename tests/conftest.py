"""What every test may use: a clock, and the store on both databases."""

import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Engine, text

from repo_agent_dagster.redaction import use_key
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.migrate import upgrade
from tests.postgres_cluster import PostgresCluster

pytest_plugins = ["tests.docker_fixtures", "tests.leak_check", "tests.longest_first", "tests.untraced"]

# A shell starts its background jobs with SIGINT ignored, and every process that a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No wall clock for single examples: on a busy machine any of them may wait. Tests of speed measure processor time.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")


@pytest.fixture(autouse=True)
def unkeyed() -> Iterator[None]:
    """Redaction has no key at the start of a test, whoever set one in this process before."""
    yield
    use_key(None)


@pytest.fixture
def now() -> datetime:
    """A fixed instant, so that no test depends on when it runs."""
    return datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    """A throwaway PostgreSQL cluster on a Unix socket, one for each test process."""
    with PostgresCluster.start() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def upgraded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upgraded SQLite store, to be copied: upgrading one for each test would be most of a test's time."""
    path = tmp_path_factory.mktemp("store") / "template.db"
    engine = open_store(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()  # the last connection takes what is in the write-ahead log into the file
    return path


@pytest.fixture
def sqlite_store(tmp_path: Path, upgraded_file: Path) -> Iterator[Engine]:
    """An upgraded SQLite store: a file of its own, copied from a template."""
    shutil.copy(upgraded_file, tmp_path / "store.db")
    engine = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_store(postgres: PostgresCluster) -> Iterator[Engine]:
    """An upgraded, empty PostgreSQL store: a database of its own, copied from a template."""
    url = postgres.create_store()
    engine = open_store(url)
    yield engine
    engine.dispose()
    postgres.drop(url)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> Engine:
    """The store, once on each database."""
    engine: Engine = request.getfixturevalue(f"{request.param}_store")
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    return engine
