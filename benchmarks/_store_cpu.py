"""CPU time of this process and of PostgreSQL's processes that work for it: what a busy machine says little about."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import Engine


@dataclass(frozen=True)
class Spent:
    """Seconds of CPU and on the clock."""

    cpu: float
    clock: float

    def __str__(self) -> str:
        return f"CPU {self.cpu:.2f} s (clock {self.clock:.2f} s)"


def percentile(values: list[float], percent: float) -> float:
    """Return the percentile by nearest rank."""
    return sorted(values)[math.ceil(percent / 100 * len(values)) - 1]


class StoreCpu:
    """The CPU seconds spent so far on a store: ours, and those of its server's processes, read from /proc."""

    def __init__(self, engine: Engine) -> None:
        self._server: psycopg.Connection | None = None
        if engine.dialect.name == "postgresql":
            url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
            self._server = psycopg.connect(url, autocommit=True)

    def of(self, work: Callable[[], object]) -> Spent:
        """Do the work and return what it took."""
        server, own, clock = self._server_seconds(), time.process_time(), time.perf_counter()
        work()
        clock, own = time.perf_counter() - clock, time.process_time() - own
        return Spent(own + self._server_seconds() - server, clock)

    def close(self) -> None:
        """Leave the server."""
        if self._server is not None:
            self._server.close()

    def _server_seconds(self) -> float:
        if self._server is None:
            return 0.0
        found = self._server.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchall()
        return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for (pid,) in found) / 1e9
