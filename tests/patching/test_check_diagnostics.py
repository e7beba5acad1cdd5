"""What tools print becomes findings; what they cannot have meant as one does not."""

import json

import pytest

from repo_agent_dagster.patching.checks.diagnostics import (
    NODE_MARK,
    command_findings,
    compile_findings,
    mypy_findings,
    node_findings,
    ruff_findings,
    tsc_findings,
)
from repo_agent_dagster.patching.checks.findings import Finding

ROOT = "/workspace/tree"


def test_tsc_tells_file_line_code_and_message() -> None:
    output = (
        "src/a.ts(3,7): error TS2322: Type 'number' is not assignable to type 'string'.\n"
        "src/b (copy).ts(10,1): error TS2345: Argument of type '{ a: number; }' is not assignable.\n"
        "  Types of property 'a' are incompatible.\n"
        "    Type 'number' is not assignable to type 'string'.\n"
        "error TS18003: No inputs were found in config file 'tsconfig.json'.\n"
    )
    assert tsc_findings(output, ROOT) == [
        Finding("src/a.ts", 3, "TS2322", "Type 'number' is not assignable to type 'string'."),
        Finding(
            "src/b (copy).ts",
            10,
            "TS2345",
            "Argument of type '{ a: number; }' is not assignable. Types of property 'a' are incompatible."
            " Type 'number' is not assignable to type 'string'.",
        ),
        Finding("", 0, "TS18003", "No inputs were found in config file 'tsconfig.json'."),
    ]


def test_what_tsc_prints_beside_errors_is_no_finding() -> None:
    assert tsc_findings("Version 5.9.3\n  indented\nFound 0 errors.\n", ROOT) == []


def test_ruffs_json_is_read_with_paths_relative_to_the_workspace() -> None:
    problems = [
        {"filename": f"{ROOT}/pkg/a.py", "location": {"row": 4, "column": 1}, "code": "F401", "message": "unused"},
        {"filename": f"{ROOT}/b.py", "location": {"row": 1, "column": 1}, "code": None, "message": "Expected )"},
    ]
    assert ruff_findings(json.dumps(problems), ROOT) == [
        Finding("pkg/a.py", 4, "F401", "unused"),
        Finding("b.py", 1, "syntax", "Expected )"),
    ]


@pytest.mark.parametrize("output", ["", "ruff failed", "{}x", "[1]", '[{"filename": "a.py"}]', "[[1]]"])
def test_what_is_not_ruffs_json_is_refused(output: str) -> None:
    with pytest.raises(ValueError):
        ruff_findings(output, ROOT)


def test_mypy_tells_errors_and_its_notes_are_left_out() -> None:
    output = (
        'pkg/a.py:7: error: Incompatible return value type (got "int", expected "str")  [return-value]\n'
        'pkg/a.py:9: note: Revealed type is "builtins.int"\n'
        "pkg/b.py:3:5: error: Unexpected thing\n"
        "Found 2 errors in 2 files (checked 9 source files)\n"
    )
    assert mypy_findings(output, ROOT) == [
        Finding("pkg/a.py", 7, "return-value", 'Incompatible return value type (got "int", expected "str")'),
        Finding("pkg/b.py", 3, "error", "Unexpected thing"),
    ]


def test_node_tells_the_line_and_the_error_of_each_marked_file() -> None:
    output = (
        f"{NODE_MARK}a.js\n{ROOT}/a.js:3\n  foo(\n     ^\n\nSyntaxError: missing ) after argument list\n"
        "    at wrapSafe (node:internal)\n\nNode.js v24.0.0\n"
        f"{NODE_MARK}b:c.mjs\nfile://{ROOT}/b:c.mjs:12\n}}\n^\n\nSyntaxError: Unexpected token '}}'\n"
        f"{NODE_MARK}odd.cjs\nsomething else entirely\n"
    )
    assert node_findings(output) == [
        Finding("a.js", 3, "SyntaxError", "missing ) after argument list"),
        Finding("b:c.mjs", 12, "SyntaxError", "Unexpected token '}'"),
        Finding("odd.cjs", 0, "syntax", "something else entirely"),
    ]


@pytest.mark.parametrize("output", ["", "[1]", "[[1, 2]]", "null"])
def test_what_is_not_the_compilers_json_is_refused(output: str) -> None:
    with pytest.raises(ValueError):
        compile_findings(output)


class TestCommand:
    def said(self, output: str, *files: str) -> list[Finding]:
        return command_findings(output, 1, ROOT, set(files).__contains__)

    @pytest.mark.parametrize(
        ("line", "finding"),
        [
            ("src/a.go:3: undefined: x", Finding("src/a.go", 3, "output", "undefined: x")),
            ("src/a.go:3:14: undefined: x", Finding("src/a.go", 3, "output", "undefined: x")),
            ("./src/a.go:3:14: undefined: x", Finding("src/a.go", 3, "output", "undefined: x")),
            (f"{ROOT}/src/a.go:3:14: error: no", Finding("src/a.go", 3, "output", "error: no")),
            ("  src/a.go:3:14  warning  no-var", Finding("src/a.go", 3, "output", "warning  no-var")),
            ("src/a.go(3,14): error TS1005: no", Finding("src/a.go", 3, "TS1005", "no")),
        ],
    )
    def test_places_in_the_workspace_are_understood(self, line: str, finding: Finding) -> None:
        assert self.said(f"building\n{line}\n2 problems", "src/a.go") == [finding]

    @pytest.mark.parametrize("line", ["12:30:45: started", "/usr/lib/x.h:3: note", "gone.go:3: x", "http://a:80: x"])
    def test_what_is_no_file_of_the_workspace_is_no_place(self, line: str) -> None:
        (finding,) = self.said(f"{line}\n", "src/a.go")
        assert (finding.file, finding.line, finding.code) == ("", 0, "exit")

    def test_without_a_place_its_last_lines_are_the_one_finding(self) -> None:
        output = "\n".join(f"step {number}" for number in range(100)) + "\n\n"
        (finding,) = self.said(output)
        assert finding.message.startswith("exit code 1: step 80\n")
        assert finding.message.endswith("\nstep 99")
        assert self.said("")[0].message == "exit code 1: it printed nothing"
