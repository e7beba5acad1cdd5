"""A small shop with bugs of all kinds, opened once for a module; descriptions are run against it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from repo_agent_dagster.artifacts import ArtifactStore, TaskArtifacts
from repo_agent_dagster.cli.example_repo import commit_files
from repo_agent_dagster.contracts.recreation import ErrorRecreationResult
from repo_agent_dagster.contracts.tasks import ErrorRecreationPayload, Pathway
from repo_agent_dagster.pathways.context import Sandboxes, TaskContext
from repo_agent_dagster.pathways.recreation import steps
from repo_agent_dagster.pathways.scripts import Scripts
from repo_agent_dagster.pathways.setup import opening
from repo_agent_dagster.pathways.setup.opening import Environment, Opened
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.spec import SandboxSpec
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.engine import open_store, write_transaction

SHOP = {
    "shop/__init__.py": "from shop.cart import Cart, dearest, discounted\n",
    "shop/errors.py": "class ShopError(Exception):\n    pass\n\n\nclass OutOfStock(ShopError):\n    pass\n",
    "shop/cart.py": """\
import os
import signal
from pathlib import Path

from shop.errors import OutOfStock


def dearest(prices):
    return max(prices)


def discounted(price, percent):
    if percent > 100:
        return 0
    return price - price // percent


def wobbly():
    count = Path("/tmp/wobbly")
    count.write_text(count.read_text() + "." if count.exists() else ".")
    if len(count.read_text()) % 2:
        raise RuntimeError("out of luck")


def endless():
    while True:
        pass


def dies():
    os.kill(os.getpid(), signal.SIGSEGV)


class Cart:
    def __init__(self):
        self.items = {}

    def add(self, name, count=1):
        self.items[name] = self.items.get(name, 0) + count

    def take(self, name):
        if name not in self.items:
            raise OutOfStock(f"no {name} at 0x{id(self):x}")
        return self.items.pop(name)

    async def checkout(self):
        return self.items["total"]
""",
    "shop/__main__.py": "import sys\n\nfrom shop.cart import dearest\n\nprint(dearest(sys.argv[1:]))\n",
    "tests/test_cart.py": "from shop import Cart\n\n\ndef test_adding_twice_counts_both():\n"
    "    cart = Cart()\n    cart.add('tea')\n    cart.add('tea')\n    assert cart.items == {'tea': 1}\n",
    "package.json": '{"name": "shop-js", "version": "1.2.3", "main": "lib/index.js"}\n',
    "lib/index.js": "exports.label = (item) => item.name.toUpperCase();\nexports.sum = (a, b) => a + b + 1;\n",
}


@dataclass(frozen=True)
class Bench:
    """The shop, cloned and set up in a sandbox."""

    context: TaskContext
    opened: Opened
    environment: Environment
    url: str

    def recreate(self, description: str, **payload: Any) -> ErrorRecreationResult:
        """Take all steps but the first two."""
        task = ErrorRecreationPayload(repo_url=self.url, bug_description=description, **payload)
        bug = steps.read_bug(self.context, self.opened, self.environment, task)
        search = steps.reproduce(self.context, self.opened, bug, task)
        repro = steps.make_minimal(self.context, self.opened, bug, search, task)
        bisection = steps.find_first_bad(self.context, self.opened, bug, search, repro, task)
        return steps.conclude(self.context, task, self.opened, self.environment, bug, search, repro, bisection)


@pytest.fixture(scope="module")
def make_context(
    sandbox_image: str, upgraded_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], TaskContext]]:
    """Make what steps work with; what it opens is destroyed after the module."""
    opened: list[TaskContext] = []

    def make() -> TaskContext:
        folder = tmp_path_factory.mktemp("recreation")
        shutil.copy(upgraded_file, folder / "store.db")
        engine = open_store(f"sqlite:///{folder / 'store.db'}")
        payload = ErrorRecreationPayload(repo_url="https://git.example/any", bug_description="x")
        with write_transaction(engine) as conn:
            task = task_requests.submit(conn, Pathway.ERROR_RECREATION, payload, now=datetime.now(UTC))
        store = ArtifactStore(folder / "artifacts")
        context = TaskContext(
            task_id=task.id,
            engine=engine,
            sandboxes=Sandboxes(SandboxSpec(task_id=task.id, image=sandbox_image)),
            repositories=Repositories(folder / "mirrors", frozenset({"file"})),
            artifacts=TaskArtifacts(store, task.id),
            scripts=Scripts(store),
            now=lambda: datetime.now(UTC),
        )
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.sandboxes.destroy_all()
        context.scripts.close()
        context.engine.dispose()


@pytest.fixture(scope="module")
def shop(make_context: Callable[[], TaskContext], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The shop in a sandbox that the tests of a module share: every run finds it as it was committed."""
    folder: Path = tmp_path_factory.mktemp("shop") / "origin"
    files = {name: text.encode() for name, text in SHOP.items()}
    commit_files(folder, files, now=datetime(2026, 3, 4, tzinfo=UTC), message="A shop")
    context, url = make_context(), folder.as_uri()
    payload = ErrorRecreationPayload(repo_url=url, bug_description="x")
    opened = opening.clone(context, payload)
    return Bench(context, opened, steps.set_up(context, opened, payload), url)
