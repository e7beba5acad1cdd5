"""Every bad input is refused as `docs/patching-refusals.md` tells it: nothing is written, and what can be is on record.

The page's tables are these very rows: a test that fails because a message changed is mended by writing the page anew,
with ``python -m tests.patching.test_bad_inputs``.
"""

import contextlib
import json
import shutil
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from typer.testing import CliRunner

from repo_agent_dagster.cli.patchctl import app
from repo_agent_dagster.patching import Workspace
from repo_agent_dagster.store.engine import open_store, read_transaction
from repo_agent_dagster.store.patch_events import of_workspace, verify_chain
from repo_agent_dagster.store.revision import open_upgraded
from tests.patching.bad_inputs import TABLES, Bad, make_hostile

PAGE = Path(__file__).parents[2] / "docs" / "patching-refusals.md"
ROWS = [row for rows in TABLES.values() for row in rows]
EXIT_CODES = {"PatchConflict": 3, "CustodyRefused": 6}
HEAD = """\
# What is refused, and how it is told

Each of these was sent to `patchctl apply --batch -` by a test (`tests/patching/test_bad_inputs.py`), which compares
this page with what it was told. Nothing was written by any of them, and where the batch could be read, each of its
patches is on record as requested and failed, with the message. The exit code is 2 for what can never be right, 3 for a
conflict with what the workspace holds. The workspace has a file `f` of four lines (`1` to `4`), links, a pipe and more.

A file with several names (a hard link) is no reason to refuse: the patch makes a new file, and the other name keeps the
old content. So it is with a folder that is swapped for a link while a batch is applied: the engine holds the folders
that it opened, and writes nothing through the link.
"""

_on_swap: Callable[[], None] | None = None


def _hook(event: str, _arguments: tuple[object, ...]) -> None:
    global _on_swap
    if _on_swap is not None and event == "os.link":  # the old content gets its second name: the file was read
        action, _on_swap = _on_swap, None
        action()


sys.addaudithook(_hook)  # for the life of this process; without `_on_swap` it does nothing


@pytest.fixture
def hostile(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_hostile(root)
    monkeypatch.chdir(root.parent)
    return root


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """patchctl sets what ends it; here it runs in the tests' own process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def store_url(tmp_path: Path, upgraded_file: Path) -> str:
    shutil.copy(upgraded_file, tmp_path / "store.db")
    return f"sqlite:///{tmp_path / 'store.db'}"


def everything(root: Path) -> dict[str, object]:
    """What is in the workspace and beside it; of our own folder, only what tells of a batch."""
    found: dict[str, object] = {}
    for folder in (root, root.parent / "outside"):
        for path in folder.rglob("*"):
            name = path.relative_to(root.parent).as_posix()
            if path.name in (".mission_control", "patches", "lock", ".gitignore") and ".mission_control" in name:
                continue
            info = path.lstat()
            content: object = None
            if stat.S_ISREG(info.st_mode):
                content = path.read_bytes() if info.st_size < 2**20 else info.st_size
            elif stat.S_ISLNK(info.st_mode):
                content = path.readlink()
            found[name] = (stat.S_IFMT(info.st_mode), stat.S_IMODE(info.st_mode), content)
    return found


def told(row: Bad, root: Path, message: str) -> str:
    """The row of the page's table: the message's first line, without this machine's paths."""
    first, *rest = message.replace(str(root), "…").splitlines()
    cut = first if len(first) <= 300 else first[:300] + "…"
    return f"| {row.what} | {row.error} | {_escaped(cut + (' …' if rest else ''))} |"


def _escaped(text: str) -> str:
    text = "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def sent(row: Bad, root: Path, store_url: str) -> tuple[int, dict[str, str]]:
    """Send a row to patchctl; return its exit code, and the error that it told."""
    global _on_swap
    if row.during is not None:
        during = row.during
        _on_swap = lambda: during(root)  # noqa: E731 - it closes over the row's own action
    try:
        arguments = ["apply", "--batch", "-", "--json", "--workspace", str(root), "--database-url", store_url]
        done = CliRunner().invoke(app, arguments, input=row.sent)
    finally:
        _on_swap = None
    assert done.exit_code, f"{row.what} was applied: {done.output}"
    assert done.stdout, done.output
    return done.exit_code, json.loads(done.stdout)["error"]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_it_is_refused_and_nothing_is_written(row: Bad, hostile: Path, store_url: str) -> None:
    if row.before is not None:
        row.before(hostile)
    before = everything(hostile)

    code, error = sent(row, hostile, store_url)

    assert (error["kind"], code) == (row.error, EXIT_CODES.get(row.error, 2))
    assert row.told in error["message"]
    if row.during is not None:
        with contextlib.suppress(FileNotFoundError):
            (hostile / "f").unlink()
        (hostile / "f").write_bytes(b"1\n2\n3\n4\n")
    assert everything(hostile) == before
    engine = open_store(store_url)
    with read_transaction(engine) as conn:
        events = list(of_workspace(conn, Workspace(hostile).name))
        assert verify_chain(conn, Workspace(hostile).name).ok
    engine.dispose()
    assert [one.event for one in events] == ["patch_requested"] * row.recorded + ["patch_failed"] * row.recorded
    assert {one.error for one in events[row.recorded :]} <= {error["message"]}
    assert told(row, hostile, error["message"]) in page_rows()


@cache
def page_rows() -> frozenset[str]:
    return frozenset(PAGE.read_text().splitlines())


def test_the_page_tells_of_nothing_else() -> None:
    lines = PAGE.read_text().splitlines()
    named = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    wanted = [row.what for rows in TABLES.values() for row in [Bad("what is sent", "", "", ""), *rows]]
    assert [name for name in named if name] == wanted
    assert len({row.what for row in ROWS}) == len(ROWS) >= 60


def write_page(folder: Path) -> None:
    """Write the page anew, from what is told."""
    open_upgraded(f"sqlite:///{folder / 'template.db'}").dispose()
    lines = [HEAD]
    for title, rows in TABLES.items():
        lines += [f"## {title}", "", "| what is sent | error | how it is told |", "|---|---|---|"]
        for row in rows:
            place = folder / "place"
            root = place / "workspace"
            root.mkdir(parents=True)
            make_hostile(root)
            shutil.copy(folder / "template.db", place / "store.db")
            if row.before is not None:
                row.before(root)
            with contextlib.chdir(place):
                _, error = sent(row, root, f"sqlite:///{place / 'store.db'}")
            lines.append(told(row, root, error["message"]))
            shutil.rmtree(place)
        lines.append("")
    PAGE.write_text("\n".join(lines))


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        write_page(Path(made))
