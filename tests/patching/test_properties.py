"""Random files and random batches, against a model of a few lines."""

import subprocess
from collections import defaultdict
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching.diffs.placing import apply_reverse
from repo_agent_dagster.patching.diffs.unified import parse
from repo_agent_dagster.patching.diffs.writing import FileState, file_diff
from repo_agent_dagster.patching.planning.batch_plan import plan_batch
from repo_agent_dagster.patching.planning.plan import Plan
from repo_agent_dagster.patching.text.lines import split_lines

BOM = b"\xef\xbb\xbf"

texts = st.text(alphabet="abcä \t{}", max_size=6)
blocks = st.lists(texts, min_size=1, max_size=4).map("\n".join).filter(bool)
endings = st.sampled_from([b"\n", b"\r\n"])
files = st.builds(
    lambda bom, lines, last: (BOM if bom else b"") + b"".join(text.encode() + end for text, end in lines) + last,
    st.booleans(),
    st.lists(st.tuples(texts, endings), max_size=12),
    st.sampled_from([b"", b"", b"unterminated", b"cr\r"]),
)
plain_files = st.lists(texts, max_size=12).map(lambda lines: "".join(f"{line}\n" for line in lines).encode())


def line_count(content: bytes) -> int:
    body = content.removeprefix(BOM)
    return body.count(b"\n") + (not body.endswith(b"\n") and bool(body))


@st.composite
def operations(draw: st.DrawFn, content: bytes) -> list[dict[str, Any]]:
    """Operations that do not overlap, in random order: cut the lines into spans, take some of them."""
    count = line_count(content)
    asked: list[dict[str, Any]] = []
    cuts = sorted(draw(st.sets(st.integers(1, count), max_size=6))) if count else []
    for start, following in pairwise([*cuts, count + 1] if cuts else []):
        kind = draw(st.sampled_from(["replace", "delete", "before", "after"]))
        if kind in ("replace", "delete"):
            end = draw(st.integers(start, following - 1))
            block = draw(blocks) if kind == "replace" else ""
            asked.append({"op": "replace-block", "start": start, "end": end, "block": block})
        else:
            asked.append({"op": f"insert-{kind}", "line": start, "block": draw(blocks)})
    for kind in ("append", "prepend"):
        if draw(st.booleans()):
            asked.append({"op": kind, "block": draw(blocks)})
    return draw(st.permutations([{**operation, "file": "f"} for operation in asked]))


@st.composite
def edits(draw: st.DrawFn, of: st.SearchStrategy[bytes]) -> tuple[bytes, list[dict[str, Any]]]:
    content = draw(of)
    return content, draw(operations(content).filter(bool))


def undone(diff: bytes, after: bytes) -> bytes:
    """The content before a diff; an empty diff changed nothing."""
    if not diff:
        return after
    (patch,) = parse(diff)
    if patch.binary is not None:
        assert patch.binary.after == after
        assert patch.binary.before is not None
        return patch.binary.before
    return b"".join(apply_reverse(split_lines(after), patch.hunks))


def plan(content: bytes, asked: list[dict[str, Any]], **fields: Any) -> Plan:
    return plan_batch(PatchBatch(patches=asked, **fields), lambda _: FileState(content, 0o644))


def result(content: bytes, asked: list[dict[str, Any]], **fields: Any) -> bytes:
    after = plan(content, asked, **fields).files[0].after
    assert after is not None
    return after.content


def model(content: bytes, asked: list[dict[str, Any]]) -> bytes:
    """The reference, for terminated LF files: what stands before each line, instead of it, and after it."""
    lines = content.decode().splitlines(keepends=True)
    at: dict[tuple[int, str], list[str]] = defaultdict(list)
    for operation in asked:
        block = (
            operation["block"]
            if operation["block"].endswith("\n") or not operation["block"]
            else operation["block"] + "\n"
        )
        match operation["op"]:
            case "replace-block":
                at[operation["start"], "instead"].append(block)
                for line in range(operation["start"], operation["end"] + 1):
                    lines[line - 1] = ""
            case "insert-before":
                at[operation["line"], "before"].append(block)
            case "insert-after":
                at[operation["line"], "after"].append(block)
            case "prepend":
                at[0, "after"].append(block)
            case "append":
                at[len(lines) + 1, "before"].append(block)
    out = []
    for number, line in enumerate(["", *lines, ""]):
        out += [*at[number, "before"], *at[number, "instead"], line, *at[number, "after"]]
    return "".join(out).encode()


@given(edits(plain_files))
def test_a_batch_does_what_the_model_does(edit: tuple[bytes, list[dict[str, Any]]]) -> None:
    content, asked = edit
    assert result(content, asked) == model(content, asked)


@given(edits(files), st.randoms(use_true_random=False))
def test_the_order_of_the_operations_does_not_matter(edit: tuple[bytes, list[dict[str, Any]]], random: Any) -> None:
    content, asked = edit
    shuffled = list(asked)
    random.shuffle(shuffled)
    assert result(content, shuffled) == result(content, asked)


@given(edits(files))
def test_one_operation_leaves_every_byte_outside_its_span(edit: tuple[bytes, list[dict[str, Any]]]) -> None:
    content, asked = edit
    bom, body = (BOM, content[3:]) if content.startswith(BOM) else (b"", content)
    lines = [line for line in body.replace(b"\n", b"\n\0").split(b"\0") if line]
    operation = asked[0]
    start, end = {
        "replace-block": lambda: (operation["start"] - 1, operation["end"]),
        "insert-before": lambda: (operation["line"] - 1, operation["line"] - 1),
        "insert-after": lambda: (operation["line"], operation["line"]),
        "append": lambda: (len(lines), len(lines)),
        "prepend": lambda: (0, 0),
    }[operation["op"]]()
    after = result(content, [operation])
    assert after.startswith(bom + b"".join(lines[:start]))
    assert after.endswith(b"".join(lines[end:]))


@given(edits(files), st.sampled_from(["original", "sequential"]))
def test_undoing_the_steps_from_the_last_to_the_first_gives_the_file_back(
    edit: tuple[bytes, list[dict[str, Any]]], coordinates: str
) -> None:
    content, asked = edit
    if coordinates == "sequential":
        asked = asked[:1] + [one for one in asked[1:] if one["op"] in ("append", "prepend")]
    planned = plan(content, asked, coordinates=coordinates)
    after = planned.files[0].after
    assert after is not None
    present = after.content
    for patch in reversed(planned.patches):
        present = undone(patch.diff.text, present)
    assert present == content
    assert undone(planned.files[0].diff.text, after.content) == content


@given(files | st.binary(max_size=40), files | st.binary(max_size=40))
def test_the_diff_of_any_two_contents_leads_back(old: bytes, new: bytes) -> None:
    diff = file_diff("f", FileState(old, 0o644), FileState(new, 0o644))
    assert undone(diff.text, new) == old


@settings(max_examples=25, deadline=None)
@given(edits(files), st.sampled_from(["original", "sequential"]))
def test_git_agrees_with_every_step(
    tmp_path_factory: Any, edit: tuple[bytes, list[dict[str, Any]]], coordinates: str
) -> None:
    content, asked = edit
    if coordinates == "sequential":
        asked = asked[:1] + [one for one in asked[1:] if one["op"] in ("append", "prepend")]
    planned = plan(content, asked, coordinates=coordinates)
    after = planned.files[0].after
    assert after is not None
    folder = tmp_path_factory.mktemp("git")

    def git_apply(diff: bytes, *options: str) -> None:
        if diff:
            subprocess.run(["git", "apply", *options, "-"], cwd=folder, input=diff, check=True)

    (folder / "f").write_bytes(content)
    git_apply(planned.files[0].diff.text)
    assert (folder / "f").read_bytes() == after.content
    git_apply(planned.files[0].diff.text, "-R")
    assert (folder / "f").read_bytes() == content
    for patch in planned.patches:
        git_apply(patch.diff.text)
    assert (folder / "f").read_bytes() == after.content
    for patch in reversed(planned.patches):
        git_apply(patch.diff.text, "-R")
    assert (folder / "f").read_bytes() == content
