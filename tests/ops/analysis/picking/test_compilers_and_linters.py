"""Compilers, type checkers and linters: one failure for each finding, with its place and the tool's own code."""

import pytest


@pytest.mark.parametrize(
    ("line", "tool", "rule", "place"),
    [
        ("src/t.ts(1,7): error TS2322: 'string' is not assignable.", "tsc", "TS2322", "src/t.ts:1:7"),
        ("src/t.ts:1:7 - error TS2322: 'string' is not assignable.", "tsc", "TS2322", "src/t.ts:1:7"),
        ('a.py:3: error: Incompatible return value (got "int")  [return-value]', "mypy", "return-value", "a.py:3"),
        ('  /srv/a.py:3:5 - error: "x" is odd (reportOddness)', "pyright", "reportOddness", "/srv/a.py:3:5"),
        ("app/a.py:1:8: F401 'os' imported but unused", "flake8", "F401", "app/a.py:1:8"),
        ("app/a.py:1:8: F401 [*] `os` imported but unused", "ruff", "F401", "app/a.py:1:8"),
        ("app/a.py:3:0: C0114: Missing module docstring (missing-docstring)", "pylint", "C0114", "app/a.py:3:0"),
        ("a.c:2:10: fatal error: missing.h: No such file or directory", "gcc", None, "a.c:2:10"),
        ("Cart.java:12: error: cannot find symbol", "javac", None, "Cart.java:12"),
        ("[ERROR] /srv/Cart.java:[12,20] incompatible types: String", "javac", None, "/srv/Cart.java:12:20"),
        ("cart/cart.go:12:9: undefined: Price", "go", None, "cart/cart.go:12:9"),
        (
            "cart/cart.go:31:15: the error of `f.Close` is not checked (errcheck)",
            "golangci-lint",
            "errcheck",
            "cart/cart.go:31:15",
        ),
        ("/srv/Cart.cs(12,9): error CS0103: no such name [/srv/Shop.csproj]", "dotnet", "CS0103", "/srv/Cart.cs:12:9"),
    ],
)
def test_a_finding_is_read_with_its_rule_and_place(explain, line, tool, rule, place):
    (failure,) = explain(line + "\n##[error]Process completed with exit code 1.\n")

    assert (failure.tool, failure.rule, str(failure.anchors[0])) == (tool, rule, place)


def test_warnings_beside_a_compile_error_are_no_failures(explain):
    (failure,) = explain("""\
        gcc -Wall -c b.c -o b.o
        b.c: In function 'main':
        b.c:2:17: warning: unused variable 'x' [-Wunused-variable]
            2 | int main(){ int x; return foo() + y; }
              |                 ^
        b.c:2:35: error: 'y' undeclared (first use in this function)
            2 | int main(){ int x; return foo() + y; }
              |                                   ^
        make: *** [Makefile:3: b.o] Error 1
        """)

    assert [line.number for line in failure.lines] == [6, 7, 8]
    assert (failure.exit_code, failure.command) == (1, "make b.o")


def test_a_compilers_excerpt_belongs_to_its_error(explain):
    first, second = explain("""\
           Compiling shop v0.1.0 (/srv/shop)
        warning: unused variable: `n`
         --> src/lib.rs:9:9
          |
        9 |     let n = 1;
          |         ^
        error[E0308]: mismatched types
         --> src/lib.rs:1:51
          |
        1 | pub fn f(x: Option<i32>) -> i32 { x }
          |                                   ^ expected `i32`, found `Option<i32>`

        error[E0425]: cannot find function `g` in this scope
         --> src/lib.rs:2:21

        Some errors have detailed explanations: E0308, E0425.
        error: could not compile `shop` (lib) due to 2 previous errors
        """)

    assert (first.tool, first.rule, [line.number for line in first.lines]) == ("rustc", "E0308", [7, 8, 9, 10, 11])
    assert (second.rule, str(second.anchors[0])) == ("E0425", "src/lib.rs:2:21")


def test_eslint_findings_are_joined_by_file_and_rule(explain):
    first, second = explain("""\
        /srv/web/src/a.js
          1:14  error    'require' is not defined  no-undef
          2:1   error    'it' is not defined       no-undef
          3:9   warning  Unexpected console        no-console
          4:9   error    'x' is never used         no-unused-vars

        ✖ 4 problems (3 errors, 1 warning)
        """)

    assert (first.rule, [str(anchor) for anchor in first.anchors]) == (
        "no-undef",
        ["/srv/web/src/a.js:1:14", "/srv/web/src/a.js:2:1"],
    )
    assert second.rule == "no-unused-vars"
    assert "console" not in first.text + second.text


def test_warnings_count_where_a_linter_allows_none(explain):
    (failure,) = explain("""\
        /srv/web/src/a.js
          3:9   warning  Unexpected console  no-console

        ESLint found too many warnings (maximum: 0).
        """)

    assert failure.rule == "no-console"


def test_files_that_are_not_formatted_are_told_one_by_one(explain):
    failures = explain("""\
        Checking formatting...
        [warn] src/a.ts
        [warn] src/b.ts
        [warn] Code style issues found in 2 files. Run Prettier with --write to fix.
        """)

    assert [(f.tool, str(f.anchors[0])) for f in failures] == [("prettier", "src/a.ts"), ("prettier", "src/b.ts")]
