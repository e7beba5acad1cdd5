"""Whole files, diffs and reviews become the smallest batches that do what they say, or are refused."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from repo_agent_dagster.contracts.patches import PatchBatch, PatchOperation
from repo_agent_dagster.contracts.phases import FileGenerationOutput, FileOutput, PhaseImplementation
from repo_agent_dagster.contracts.reviews import CodeReviewOutput, FileToFix
from repo_agent_dagster.patching.adapters.diff_to_patches import diff_to_patches
from repo_agent_dagster.patching.adapters.elision import is_elision, refuse_elisions
from repo_agent_dagster.patching.adapters.files_to_patches import files_to_patches
from repo_agent_dagster.patching.adapters.review_to_patches import ReviewNotPlanned, review_to_patches
from repo_agent_dagster.patching.diffs.unified import parse
from repo_agent_dagster.patching.diffs.writing import FileState, file_diff
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict, UnsafePath
from repo_agent_dagster.patching.planning.batch_plan import plan_batch

BOM = b"\xef\xbb\xbf"
Files = dict[str, bytes]

words = st.text(alphabet="abä \t", max_size=3)
texts = st.builds(
    lambda lines, last: "".join(f"{line}\n" for line in lines) + last,
    st.lists(words, max_size=8),
    st.sampled_from(["", "", "z"]),
)
presents = st.builds(
    lambda bom, lines, last: (BOM if bom else b"") + b"".join(text.encode() + end for text, end in lines) + last,
    st.booleans(),
    st.lists(st.tuples(words, st.sampled_from([b"\n", b"\r\n"])), max_size=8),
    st.sampled_from([b"", b"", b"z", b"cr\r"]),
)


def reading(files: Mapping[str, bytes], mode: int = 0o644) -> Callable[[str], FileState | None]:
    return lambda path: FileState(files[path], mode) if path in files else None


def after(files: Mapping[str, bytes], operations: Sequence[PatchOperation]) -> Files:
    """The files with the operations applied as a batch."""
    result = dict(files)
    if operations:
        for one in plan_batch(PatchBatch(patches=list(operations)), reading(files)).files:
            result.pop(one.path, None)
            if one.after is not None:
                result[one.path] = one.after.content
    return result


def phase(**files: str) -> PhaseImplementation:
    outputs = [FileOutput(file_path=path, file_contents=text, file_purpose="") for path, text in files.items()]
    return PhaseImplementation(files=outputs, deployment_needed=False, commands=[])


def told(operation: PatchOperation) -> dict[str, Any]:
    return operation.model_dump(exclude_none=True, exclude_defaults=True)


def lines_of(content: bytes) -> list[bytes]:
    """The lines without what a line operation leaves alone: a mark, terminators, a last newline."""
    lines = content.removeprefix(BOM).split(b"\n")
    return [line.rstrip(b"\r") for line in (lines[:-1] if not lines[-1] else lines)]


class TestWholeFiles:
    def test_only_the_lines_that_differ_change(self) -> None:
        present = {"f": b"a\nb\nc\nd\ne\n"}
        operations = files_to_patches(phase(f="a\nB\nc\nd\nd2\ne\n"), reading(present))
        digest = reading(present)("f").sha256  # type: ignore[union-attr]  # it is there
        assert [told(one) for one in operations] == [
            {"file": "f", "start": 2, "end": 2, "block": "B\n", "expect": {"sha256": digest}},
            {"file": "f", "line": 4, "block": "d2\n"},
        ]
        assert after(present, operations) == {"f": b"a\nB\nc\nd\nd2\ne\n"}

    def test_a_new_file_is_made_to_the_byte(self) -> None:
        operations = files_to_patches(phase(new="a\r\nb"), reading({}))
        assert [one.op for one in operations] == ["create-file"]
        assert after({}, operations) == {"new": b"a\r\nb"}

    def test_an_unchanged_file_needs_nothing(self) -> None:
        assert files_to_patches(phase(f="a\nb\n"), reading({"f": BOM + b"a\r\nb"})) == []

    @pytest.mark.parametrize(
        ("present", "wanted", "expected"),
        [
            (b"a\r\nb\r\n", "a\nx\nb\n", b"a\r\nx\r\nb\r\n"),
            (b"a\nb\n", "a\r\nx\r\nb\r\n", b"a\nx\nb\n"),
            (BOM + b"a\nb\n", "x\na\nb\n", BOM + b"x\na\nb\n"),
            (BOM + b"a\nb\n", "\ufeffA\nb\n", BOM + b"A\nb\n"),
            (b"a\nb", "a\nb\nc\n", b"a\nb\nc"),
            (b"a\nb\n", "a\nB", b"a\nB\n"),
            (b"a\nb", "a\n\n", b"a\n\n"),
            (b"#!/bin/sh\na\n", "# first\n#!/bin/sh\na\n", b"# first\n#!/bin/sh\na\n"),
            (b"", "a\n", b"a\n"),
            (b"a\n", "", b""),
            (b"a\n\n\n", "a\n", b"a\n"),
        ],
    )
    def test_what_is_no_text_stays_as_the_file_has_it(self, present: bytes, wanted: str, expected: bytes) -> None:
        assert after({"f": present}, files_to_patches(phase(f=wanted), reading({"f": present}))) == {"f": expected}

    def test_a_file_that_changed_since_is_a_conflict(self) -> None:
        operations = files_to_patches(phase(f="a\nB\n"), reading({"f": b"a\nb\n"}))
        with pytest.raises(PatchConflict, match="expects the file with SHA-256"):
            after({"f": b"a\nb\nc\n"}, operations)

    @given(presents, texts)
    def test_the_batch_gives_the_text_and_nothing_else(self, present: bytes, wanted: str) -> None:
        operations = files_to_patches(phase(f=wanted), reading({"f": present}))
        result = after({"f": present}, operations)["f"]
        assert lines_of(result) == lines_of(wanted.encode())
        assert result.startswith(BOM) == present.startswith(BOM)
        assert files_to_patches(phase(f=wanted), reading({"f": result})) == []

    @given(presents, texts)
    def test_line_endings_of_one_kind_stay_so(self, present: bytes, wanted: str) -> None:
        present = present.replace(b"\r\n", b"\n").replace(b"\r", b"").replace(b"\n", b"\r\n")
        assume(b"\r\n" in present)
        result = after({"f": present}, files_to_patches(phase(f=wanted), reading({"f": present})))["f"]
        assert result.count(b"\n") == result.count(b"\r\n")

    def test_a_file_given_as_a_diff_is_applied_as_one(self) -> None:
        diff = "--- a/other\n+++ b/other\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n"
        output = FileGenerationOutput(file_path="f", file_contents=diff, file_purpose="", format="unified_diff")
        whole = FileGenerationOutput(file_path="g", file_contents="x\n", file_purpose="", format="full_content")
        asked = PhaseImplementation(files=[output, whole], deployment_needed=False, commands=[])
        operations = files_to_patches(asked, reading({"f": b"a\nb\n"}))
        assert [one.op for one in operations] == ["apply-diff", "create-file"]
        assert after({"f": b"a\nb\n"}, operations) == {"f": b"a\nB\n", "g": b"x\n"}

    @pytest.mark.parametrize("addition", ["+// ... existing code ...", "+# rest of the file unchanged"])
    def test_a_diff_that_adds_an_elision_is_refused(self, addition: str) -> None:
        diff = f"@@ -1,2 +1,2 @@\n a\n-b\n{addition}\n"
        output = FileGenerationOutput(file_path="f", file_contents=diff, file_purpose="", format="unified_diff")
        asked = PhaseImplementation(files=[output], deployment_needed=False, commands=[])
        with pytest.raises(InvalidPatch, match="stands for text that is left out"):
            files_to_patches(asked, reading({"f": b"a\nb\n"}))

    @pytest.mark.parametrize(
        ("path", "text", "present", "message"),
        [
            ("f", "a\n// ... existing code ...\n", b"a\nb\n", r"f: line 2 stands for .*'// \.\.\. existing code"),
            ("f", "a\n# ... rest of file unchanged\n", None, "f: line 2 stands for"),
            ("f", "a\n", b"\0\1", "binary, or not UTF-8"),
            ("f", "a\n", b"\xe9\n", "binary, or not UTF-8"),
            ("f", "a\0\n", None, "NUL character"),
            ("f", "a\ud800\n", None, "not valid Unicode"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, path: str, text: str, present: bytes | None, message: str) -> None:
        with pytest.raises(InvalidPatch, match=message):
            files_to_patches(phase(**{path: text}), reading({} if present is None else {path: present}))

    def test_paths_are_judged_and_named_once(self) -> None:
        with pytest.raises(UnsafePath):
            files_to_patches(phase(**{"../f": "a"}), reading({}))
        with pytest.raises(InvalidPatch, match="is in the phase twice"):
            files_to_patches(phase(**{"d/f": "a", "d//f": "b"}), reading({}))


ELISIONS = """\
// ... existing code ...
// ...existing code...
# ... rest of file unchanged
/* ... */
/* ... existing styles ... */
<!-- ... -->
<!-- ... rest of the page ... -->
... (rest unchanged)
[previous code]
// [previous code]
# [... existing code ...]
{/* ... existing JSX ... */}
{/* ... */}
// ...
    # …
// rest of the code remains the same
// Rest of the component stays unchanged
# rest of the code here
// The rest of the code is unchanged.
// ... other methods ...
// ... other imports
// (rest of the file remains unchanged)
-- ... existing columns ...
-- existing code
;; ... rest of the config ...
% ... existing code ...
# ... (keep existing imports)
// ... 25 lines unchanged ...
# Existing code here
// existing code
# previous code here...
// ... same as before ...
// ... unchanged ...
[rest of the code unchanged]
[... rest of file ...]
<existing code>
... existing code ...
...existing code...
… rest of the file …
# code omitted for brevity
// ... validation logic ...
// ... (existing code for handling users) ...
function foo() { /* ... */ }
function foo() { // ... existing code ...
def foo():  # ... existing code ...
{{!-- ... existing template ... --}}
{# ... existing block ... #}
(* ... existing code ... *)
REM ... existing code ...
' ... existing code ...
\"\"\" ... existing code ... \"\"\"
 * ... existing code ...
...  # existing code
// all other code remains the same
# everything else stays the same
// ... rest of UserService class ...
// --- existing code ---
// ...rest
# ... etc ...
# ... your existing code here ...""".splitlines()

HARMLESS = """\
...
    ...,
x = ...
def f(): ...
def f(self) -> int: ...
...props
    ...rest,
{...rest}
    ...(rest || {}),
    ...previousState,
    ...other.items,
const { a, ...rest } = props;
return { ...state, existing: true }
[...existing]
f(...args)
func f(args ...string) {
int printf(const char *fmt, ...);
apples, pears, etc...
# handle ids, names, etc...
// wait for the rest...
# Load existing data...
// loading existing users...
# previous version of this took a list
# Previous implementation:
// existing tests cover this
// Other methods
# rest of the arguments are passed on
print("...")
"... existing code ..."
x = a[...]  # all of it
# see https://example.com/...
... and the rest is history
...the rest of the story...
// same as above
# unchanged
# ...or fail
// ... and we got a line ...
#..........................
>>> ...
... print(x)
... for item in rest:
<div>...</div>
[existing]
[tool.ruff]
[other settings]
# existing code paths must keep working
// used by the
// rest of the code.
\"\"\"...\"\"\"
'...'
raise NotImplementedError  # ...
Loading...
<p>More items...</p>
# More tests
assert x == y  # unchanged
log("rest of the file unchanged")
case 1...5:
0..=9
// keep the types
----""".splitlines()


class TestElisions:
    @pytest.mark.parametrize("line", ELISIONS)
    def test_a_line_that_stands_for_text_is_recognised(self, line: str) -> None:
        assert is_elision(line)

    @pytest.mark.parametrize("line", HARMLESS)
    def test_a_line_that_only_looks_like_it_is_not(self, line: str) -> None:
        assert not is_elision(line)

    @pytest.mark.parametrize("line", ["# Rest of the code", "## Existing code", "-- existing code", "* existing code"])
    def test_a_heading_in_prose_is_no_comment(self, line: str) -> None:
        refuse_elisions("README.md", line, None)
        with pytest.raises(InvalidPatch):
            refuse_elisions("f.py", "# ... existing code ...", None)

    def test_dots_in_a_sample_of_prose_are_the_authors(self) -> None:
        refuse_elisions("README.md", "```python\ndef f():\n    # ...\n```\n", None)
        for text in ("```python\n# ... existing code ...\n```\n", "a\n<!-- ... -->\n", "[... rest of the page ...]"):
            with pytest.raises(InvalidPatch):
                refuse_elisions("README.md", text, None)

    def test_a_line_that_is_there_already_may_stay(self) -> None:
        refuse_elisions("f.py", "a\n# ...\nb\n", b"# ...\r\n")
        with pytest.raises(InvalidPatch, match=r"f\.py: line 2 stands for"):
            refuse_elisions("f.py", "a\n# ...\nb\n", b"# .... \r\n")

    @pytest.mark.parametrize(
        "line", ["// ... " + "the rest of " * 15, "# " + "rest of a " * 18 + "...", "x " * 99 + "/*"]
    )
    def test_long_lines_take_no_time(self, line: str) -> None:
        assert not any(is_elision(line[: 200 - cut]) for cut in range(100))


class TestDiffs:
    def test_hunks_become_operations_that_expect_what_is_there(self) -> None:
        present = {"f": b"0\na\nb\nc\nd\n"}
        diff = b"--- a/f\n+++ b/f\n@@ -1,4 +1,4 @@\n a\n-b\n+B\n c\n+c2\n-d\n"
        operations = diff_to_patches(diff, reading(present))
        assert [told(one) for one in operations] == [
            {"file": "f", "start": 3, "end": 3, "block": "B\n", "expect": {"text": "b\n"}},
            {"file": "f", "start": 5, "end": 5, "block": "c2\n", "expect": {"text": "d\n"}},
        ]
        assert after(present, operations) == {"f": b"0\na\nB\nc\nc2\n"}

    def test_insertions_expect_the_line_they_are_at(self) -> None:
        present = {"f": b"a\nb\n"}
        diff = b"--- a/f\n+++ b/f\n@@ -1,2 +1,4 @@\n+0\n a\n+a2\n b\n"
        operations = diff_to_patches(diff, reading(present))
        assert [(one.op, told(one)["expect"]) for one in operations] == [
            ("insert-before", {"text": "a\n"}),
            ("insert-after", {"text": "a\n"}),
        ]
        assert after(present, operations) == {"f": b"0\na\na2\nb\n"}
        empty = diff_to_patches(b"--- a/f\n+++ b/f\n@@ -0,0 +1 @@\n+0\n", reading({"f": b""}))
        assert after({"f": b""}, empty) == {"f": b"0\n"}

    def test_what_text_cannot_tell_is_expected_by_digest(self) -> None:
        for line in (b"a\xe9\n", b"a\r\r\n"):
            present = line + b"b\r\n"
            diff = b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-" + line + b"+x" + line[2:]
            operations = diff_to_patches(diff, reading({"f": present}))
            assert list(told(operations[0])["expect"]) == ["sha256"]
            assert lines_of(after({"f": present}, operations)["f"]) == [b"x", b"b"]

    def test_files_come_and_go_and_move(self) -> None:
        present = {"gone": b"x\n", "from": b"a\nb\n", "f": b"1\n"}
        diff = (
            b"--- /dev/null\n+++ b/new\n@@ -0,0 +1,2 @@\n+n\n+m\n\\ No newline at end of file\n"
            b"--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
            b"diff --git a/from b/to\nrename from from\nrename to to\n"
            b"--- a/from\n+++ b/to\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n"
            b"diff --git a/f b/copy\ncopy from f\ncopy to copy\n--- a/f\n+++ b/copy\n@@ -1 +1 @@\n-1\n+2\n"
        )
        operations = diff_to_patches(diff, reading(present))
        assert [one.op for one in operations] == [
            "create-file",
            "delete-file",
            "replace-block",
            "move-file",
            "create-file",
        ]
        assert after(present, operations) == {"new": b"n\nm", "to": b"a\nB\n", "f": b"1\n", "copy": b"2\n"}

    def test_a_plain_move_expects_the_files_digest(self) -> None:
        diff = b"diff --git a/f b/g\nsimilarity index 100%\nrename from f\nrename to g\n"
        operations = diff_to_patches(diff, reading({"f": b"1\n"}))
        assert after({"f": b"1\n"}, operations) == {"g": b"1\n"}
        with pytest.raises(PatchConflict):
            after({"f": b"2\n"}, operations)

    @pytest.mark.parametrize(
        ("present", "diff", "expected"),
        [
            (b"a\nb", b"@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n", b"a\nb\n"),
            (b"a\nb\n", b"@@ -1,2 +1,2 @@\n a\n-b\n+b\r\n", b"a\nb\r\n"),
        ],
    )
    def test_what_operations_cannot_say_stays_a_diff(self, present: bytes, diff: bytes, expected: bytes) -> None:
        other = b"--- a/g\n+++ b/g\n@@ -1 +1 @@\n-1\n+2\n"
        files = {"f": present, "g": b"1\n"}
        operations = diff_to_patches(b"--- a/f\n+++ b/f\n" + diff + other, reading(files))
        assert [one.op for one in operations] == ["apply-diff", "replace-block"]
        assert after(files, operations) == {"f": expected, "g": b"2\n"}

    def test_binary_files_and_modes_stay_diffs(self) -> None:
        new = file_diff("new", None, FileState(b"\0n", 0o644)).text
        old = file_diff("b", FileState(b"\0o", 0o644), FileState(b"\0p", 0o644)).text
        gone = file_diff("c", FileState(b"\0o", 0o644), None).text
        mode = b"diff --git a/f b/f\nold mode 100644\nnew mode 100755\n"
        present = {"b": b"\0o", "c": b"\0o", "f": b"a\n"}
        operations = diff_to_patches(new + old + gone + mode, reading(present))
        assert [one.op for one in operations] == ["apply-diff"] * 4
        assert after(present, operations) == {"b": b"\0p", "f": b"a\n", "new": b"\0n"}

    def test_a_mode_that_is_there_already_is_no_change(self) -> None:
        mode = b"diff --git a/f b/f\nold mode 100644\nnew mode 100755\n"
        assert diff_to_patches(mode, reading({"f": b"a\n"}, 0o755)) == []

    def test_one_file_can_be_named_apart_from_the_diff(self) -> None:
        operations = diff_to_patches(
            b"@@ -1 +1 @@\n-a b\n+c\n", reading({"d/f": b"a  b\n"}), file="d/f", fuzz="whitespace"
        )
        assert after({"d/f": b"a  b\n"}, operations) == {"d/f": b"c\n"}

    @pytest.mark.parametrize(
        ("diff", "error", "message"),
        [
            (b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", PatchConflict, "x: it does not exist"),
            (b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+b\n", PatchConflict, "f: the hunk at line 3 .* fits nowhere"),
            (b"--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", PatchConflict, "f: it has lines that the diff does not"),
            (b"--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n", PatchConflict, "f: the hunk at line 3 .* does not fit"),
            (b"--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+x\n", PatchConflict, "f exists already"),
            (b"diff --git a/f b/bin\nrename from f\nrename to bin\n", PatchConflict, "bin exists already"),
            (b"diff --git a/x b/y\ncopy from x\ncopy to y\n", PatchConflict, "x: it does not exist"),
            (b"--- a/bin\n+++ b/bin\n@@ -1 +1 @@\n-x\n+b\n", InvalidPatch, "bin is binary"),
            (b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+\xe9\n", InvalidPatch, "line 1 is not UTF-8"),
            (b"--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+\xe9\n", InvalidPatch, "n would not be UTF-8"),
            (b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+\xe9\r\n", InvalidPatch, "the diff is not UTF-8"),
            (b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n" * 2, InvalidPatch, "line 6 of the diff: f is changed twice"),
            (b"--- a/../f\n+++ b/../f\n@@ -1 +1 @@\n-a\n+b\n", UnsafePath, "climbs out"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, diff: bytes, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            diff_to_patches(diff, reading({"f": b"a\nb\n", "bin": b"\0"}))

    @given(presents, presents)
    def test_the_operations_do_what_the_diff_says(self, old: bytes, new: bytes) -> None:
        assume(old.startswith(BOM) == new.startswith(BOM) and old.removeprefix(BOM) and new.removeprefix(BOM))
        diff = file_diff("f", FileState(old, 0o644), FileState(new, 0o644)).text
        assume(diff)
        result = after({"f": old}, diff_to_patches(diff, reading({"f": old})))["f"]
        body = [text for hunk in parse(diff)[0].hunks for _, text in hunk.body]
        if len({text[-2:] == b"\r\n" for text in body if text.endswith(b"\n")}) > 1:
            assert result == new  # the diff means its line endings
        assert lines_of(result) == lines_of(new)


def review(**files: bool) -> CodeReviewOutput:
    return CodeReviewOutput(
        dependencies_not_met=[],
        issues_found=True,
        frontend_issues=[],
        backend_issues=[],
        files_to_fix=[
            FileToFix(file_path=path, issues=[f"{path} is bad"], require_code_changes=wanted)
            for path, wanted in files.items()
        ],
        commands=[],
    )


class TestReviews:
    def test_each_file_is_planned_apart_and_the_batch_may_touch_no_other(self) -> None:
        asked: list[tuple[str, list[str], str | None]] = []

        def planner(file: FileToFix, text: str | None) -> list[dict[str, Any]]:
            asked.append((file.file_path, file.issues, text))
            if text is None:
                return [{"op": "create-file", "file": file.file_path, "content": "new\n"}]
            return [{"op": "replace-block", "file": file.file_path, "start": 1, "end": 1, "block": "good"}]

        batch = review_to_patches(
            review(f=True, g=False, new=True), planner, reading({"f": b"bad\n", "g": b"x\n"}), order_id="42"
        )
        assert asked == [("f", ["f is bad"], "bad\n"), ("new", ["new is bad"], None)]
        assert (batch.allowed_paths, batch.order_id) == (["f", "new"], "42")
        assert batch.reason == "f is bad; new is bad"
        assert after({"f": b"bad\n"}, batch.patches) == {"f": b"good\n", "new": b"new\n"}

    def test_a_file_that_is_named_twice_is_planned_once_with_all_its_issues(self) -> None:
        twice = review(f=True)
        twice = twice.model_copy(update={"files_to_fix": twice.files_to_fix * 2})
        seen: list[list[str]] = []

        def planner(file: FileToFix, text: str | None) -> list[dict[str, Any]]:
            seen.append(file.issues)
            return [{"op": "append", "file": "f", "block": "x"}]

        assert len(review_to_patches(twice, planner, reading({"f": b"a\n"})).patches) == 1
        assert seen == [["f is bad", "f is bad"]]

    def test_all_files_without_a_valid_plan_are_told_at_once(self) -> None:
        diff = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"
        plans: dict[str, list[dict[str, Any]]] = {
            "good": [{"op": "append", "file": "good", "block": "x"}],
            "other": [{"op": "append", "file": "good", "block": "x"}],
            "moved": [{"op": "move-file", "file": "moved", "to": "else"}],
            "diffed": [{"op": "apply-diff", "diff": diff}],
            "unknown": [{"op": "burn", "file": "unknown"}],
            "wrong": [{"op": "append", "file": "wrong"}],
            "nothing": [],
            "past": [{"op": "insert-after", "file": "past", "line": 9, "block": "x"}],
            "elided": [
                {"op": "replace-block", "file": "elided", "start": 1, "end": 1, "block": "# ... existing code ..."}
            ],
            "elided2": [{"op": "replace-text", "file": "elided2", "old": "a", "new": "// ... rest of code ..."}],
            "elided3": [{"op": "create-file", "file": "elided3", "content": "# ...\n"}],
            "elided4": [{"op": "apply-diff", "file": "elided4", "diff": "@@ -1 +1 @@\n-a\n+// ...\n"}],
            "latin": [],
            "wild*": [],
            "refused": [],
        }

        def planner(file: FileToFix, text: str | None) -> list[dict[str, Any]]:
            if file.file_path == "refused":
                raise InvalidPatch("too much to fix")
            return plans[file.file_path]

        files = dict.fromkeys(plans, b"a\n") | {"latin": b"\xe9\n"}
        with pytest.raises(ReviewNotPlanned, match="cannot be planned for 15 of its files") as caught:
            review_to_patches(review(**dict.fromkeys([*plans, "../out"], True)), planner, reading(files))
        assert [one.op for one in caught.value.planned] == ["append"]
        messages = {
            "other": "operation 1 (append) is on good, not on the file to fix",
            "moved": "operation 1 (move-file) is on else",
            "diffed": "operation 1 (apply-diff) is on f",
            "unknown": "does not match any of the expected tags",
            "wrong": "give exactly one of block and blockFile",
            "nothing": "no operation was planned",
            "past": "names line 9, but the file has 1 line",
            "elided": "stands for text that is left out",
            "elided2": "stands for text that is left out",
            "elided3": "stands for text that is left out",
            "elided4": "stands for text that is left out",
            "latin": "is not UTF-8",
            "wild*": "has a wildcard",
            "refused": "too much to fix",
            "../out": "climbs out",
        }
        assert set(caught.value.errors) == set(messages)
        for name, message in messages.items():
            assert message in caught.value.errors[name]

    def test_a_review_without_files_to_change_is_nothing_to_plan(self) -> None:
        with pytest.raises(InvalidPatch, match="wants no file changed"):
            review_to_patches(review(f=False), lambda file, text: [], reading({}))
