"""Apply a patch to a clone in a sandbox, by one of three ways, and prove that its changes are there."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.validation import PatchedFile, PatchSummary, PatchWay
from repo_agent_dagster.patching.diffs.unified import FilePatch, parse
from repo_agent_dagster.patching.model import InvalidPatch
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup.file_names import decides_setup
from repo_agent_dagster.pathways.setup.opening import Checkout
from repo_agent_dagster.pathways.validation.patch_text import (
    Patch,
    PatchUnusable,
    changed_lines,
    same_changes,
    with_fitting_line_ends,
)
from repo_agent_dagster.pathways.validation.rejection import explain_rejection, problem_of
from repo_agent_dagster.pathways.validation.roles import must_be_restored, role_of

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

SCRIPT = "validate_patch.sh"
SCRIPT_SECONDS = 300
MAX_ANSWER_BYTES = 256 << 20
_WAYS: dict[bytes, PatchWay] = {b"apply": "git apply", b"3way": "git apply --3way", b"fuzz": "patch --fuzz"}
_EXACT = "apply 3way"
_NO_FILE = "000000"


class CloneDamaged(PermanentFault):
    """The clone cannot be reset to its commit: the repository's own set-up broke it."""


@dataclass(frozen=True)
class Applied:
    """A patch in a tree: what came of it, its text as it was applied, and the tree's difference from the commit.

    `changed` are the changed lines (from 1) by file, as the tests find them; `left` the files that were not put back.
    """

    summary: PatchSummary
    patch: Patch
    diff: bytes
    changed: dict[str, list[int]]
    left: tuple[str, ...]

    @property
    def has_tests(self) -> bool:
        """Whether it changes tests that are left in the tree: then they are seen without its source, too."""
        return any(change.role == "test" and not change.restored for change in self.summary.changes)


def apply_patch(
    context: TaskContext,
    box: "Sandbox",
    checkout: Checkout,
    patch: Patch,
    *,
    declared_tests: Sequence[str] | None,
    tests_only: bool = False,
) -> Applied:
    """Apply a patch to the clone, and put back as the commit has it what the patch may not change of the suite.

    With `tests_only` everything is put back but the patch's tests and what it depends on.

    Raises:
        PatchUnusable: it does not apply; the message says why.
        CloneDamaged: the clone cannot be reset to its commit.
    """
    bench = _Bench(context, box, checkout)
    answer = bench.apply(patch, _EXACT)
    if "way" not in answer and answer.get("proof") != b"already":
        # patch makes light of line ends, so they are put right before it is asked.
        fitted = with_fitting_line_ends(patch, _crlf_files(answer.get("eol", b""), bench.prefix(patch))) or patch
        patch, answer = fitted, bench.apply(fitted, f"{_EXACT} fuzz" if fitted is not patch else "fuzz", answer)
    if "way" not in answer:
        _refuse(answer, patch)
    summary = _summary(answer, patch, declared_tests)
    back = [change for change in summary.changes if change.restored or (tests_only and _is_source(change, checkout))]
    if back:
        names = [name for change in back for name in (change.path, change.renamed_from) if name is not None]
        answer = bench.restore(names)
    diff = answer["diff"]
    left = tuple(change.path for change in summary.changes if change not in back)
    return Applied(summary, patch, diff, changed_lines(_read(diff)), left)


def inside(path: str, checkout: Checkout) -> str:
    """Return a path of the repository as seen from the folder that is worked on."""
    return posixpath.relpath(posixpath.join(checkout.root, path), checkout.path)


def _is_source(change: PatchedFile, checkout: Checkout) -> bool:
    # What the patch adds to the dependencies is not what it repairs: its tests may need it.
    return change.role != "test" and not decides_setup(inside(change.path, checkout))


class _Bench:
    """The script and the clone it works on."""

    def __init__(self, context: TaskContext, box: "Sandbox", checkout: Checkout) -> None:
        self._box = box
        self._checkout = checkout
        self._script = context.scripts.deliver(box, SCRIPT)

    def prefix(self, patch: Patch) -> str:
        """Return the folder that the patch's names may begin in besides the root, with its slash; empty: none."""
        inside = posixpath.relpath(self._checkout.path, self._checkout.root)
        return "" if inside == "." or patch.kind == "pull_request" else f"{inside}/"

    def apply(self, patch: Patch, ways: str, earlier: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
        """Try these ways, each on a reset tree; what git said in an earlier try comes first."""
        # A batch names files from the folder that is worked on; of a diff nobody knows, so the root comes first.
        folder = self.prefix(patch).rstrip("/")
        folders = [folder] if patch.kind == "batch" else list(dict.fromkeys(["", folder]))
        candidates = "".join(f"{strip} {place}\n" for place in folders for strip in patch.strips)
        files = {"patch": patch.data, "candidates": candidates.encode(), "ways": ways.encode()}
        answer = self._run("apply", files)
        return {**answer, "said": (earlier or {}).get("said", b"") + answer.get("said", b"")}

    def restore(self, names: Sequence[str]) -> dict[str, bytes]:
        return self._run("restore", {"restore": b"".join(name.encode() + b"\0" for name in names)})

    def _run(self, doing: str, files: dict[str, bytes]) -> dict[str, bytes]:
        out = f"/tmp/{token_hex(16)}"  # noqa: S108 - a folder of the sandbox, which has one user and ends with the task
        self._box.put(files, out)
        checkout = self._checkout
        done = self._box.exec(
            self._script.argv(doing, checkout.root, checkout.commit, out), cwd="/", timeout_seconds=SCRIPT_SECONDS
        )
        if done.exit_code not in (0, 1):
            raise CloneDamaged(
                f"git cannot reset {checkout.root} in the sandbox to {checkout.commit}: {done.output.strip()[-2000:]}"
            )
        return self._box.get_tree(out, max_bytes=MAX_ANSWER_BYTES)


def _refuse(answer: dict[str, bytes], patch: Patch) -> None:
    if answer.get("proof") == b"already":
        raise PatchUnusable("already_applied", "the patch is applied already: the commit has all that it brings")
    attempts = answer.get("said", b"").decode(errors="replace").split("== ")
    said = "\n".join(attempts[1].splitlines()[1:]) if len(attempts) > 1 else ""
    message = explain_rejection(said, patch.data.decode(errors="replace"))
    raise PatchUnusable(problem_of(said), f"{message}\n(git apply, git apply --3way and patch --fuzz=3 were tried)")


def _summary(answer: dict[str, bytes], patch: Patch, declared_tests: Sequence[str] | None) -> PatchSummary:
    way = _WAYS[answer["way"]]
    folder = answer.get("folder", b"").decode()
    if not answer["raw"]:
        raise PatchUnusable("changes_nothing", "the patch changes nothing: it leads to what the commit already has")
    if way != "patch --fuzz" and answer.get("proof") == b"reverse":
        proof = "git apply --check --reverse accepts it on the result"
    elif patch.files and same_changes(patch.files, _read(answer["diff"]), folder):
        proof = "the result differs from the commit by just the lines that the patch adds and removes"
    else:
        raise PatchUnusable(
            "conflict", f"{way} led to something else than the patch says, so it was not taken; make the diff anew"
        )
    reference = _below("reference/", answer)
    patched = _below("patched/", answer)
    changes = [_with_role(change, declared_tests, reference, patched) for change in _changes(answer["raw"])]
    notes = [*patch.notes, *([f"its names begin in {folder}/"] if folder else [])]
    if way == "patch --fuzz":
        notes.append("it fits only with fuzz: lines around its changes are others than it says")
    return PatchSummary(kind=patch.kind, applied=True, way=way, proof=proof, notes=notes, changes=changes)


def _with_role(
    change: PatchedFile, declared: Sequence[str] | None, reference: dict[str, bytes], patched: dict[str, bytes]
) -> PatchedFile:
    known = change.model_copy(update={"role": role_of(change.path, declared)})
    return known.model_copy(update={"restored": must_be_restored(known, declared, reference, patched)})


def _changes(raw: bytes) -> list[PatchedFile]:
    """Read ``git diff --raw -z``: for each file a line of modes, ids and status, and one name or two."""
    fields = iter(raw.decode(errors="surrogateescape").split("\0"))
    changes = []
    for header in fields:
        if not header:
            break
        old, new, old_id, new_id, status = header.removeprefix(":").split(" ")
        first = next(fields)
        path = next(fields) if status.startswith(("R", "C")) else first
        kinds = {"A": "added", "D": "deleted", "R": "renamed", "C": "added"}
        kind = kinds.get(status[0], "mode" if old_id == new_id else "modified")
        changes.append(
            PatchedFile.model_validate(
                {
                    "path": _shown(path),
                    "change": kind,
                    "renamed_from": _shown(first) if status.startswith("R") else None,
                    "old_mode": None if old == _NO_FILE else old,
                    "new_mode": None if new == _NO_FILE else new,
                }
            )
        )
    return changes


def _shown(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        shown = name.encode(errors="surrogateescape").decode(errors="replace")
        raise PatchUnusable("unreadable", f"the patch changes a file whose name is not UTF-8: {shown}") from error
    return name


def _below(folder: str, answer: dict[str, bytes]) -> dict[str, bytes]:
    return {name.removeprefix(folder): content for name, content in answer.items() if name.startswith(folder)}


def _read(diff: bytes) -> tuple[FilePatch, ...]:
    try:
        return parse(diff) if diff else ()
    except InvalidPatch:
        return ()  # links, submodules: git reads them, our reader does not


def _crlf_files(eol: bytes, prefix: str) -> frozenset[str]:
    """Read ``git ls-files --eol -z``: the files whose committed lines end in CRLF, also by their names below prefix."""
    found = set()
    for entry in eol.decode(errors="replace").split("\0"):
        kinds, _, name = entry.partition("\t")
        if kinds.startswith("i/crlf"):
            found |= {name, name.removeprefix(prefix)}
    return frozenset(found)


def rejected(error: PatchUnusable, patch: Patch | None, kind: str) -> PatchSummary:
    """Return the summary of a patch that does not apply."""
    return PatchSummary.model_validate(
        {
            "kind": patch.kind if patch else kind,
            "applied": False,
            "problem": error.problem,
            "message": str(error),
            "notes": list(patch.notes) if patch else [],
        }
    )
