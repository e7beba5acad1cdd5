"""No line and no log, whatever stands in it, costs much time or breaks the search."""

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repo_agent_dagster.ops.analysis import masking
from repo_agent_dagster.ops.analysis.model import Place
from repo_agent_dagster.ops.analysis.picking import failures_of, text_log

PLACE = Place("build", "acme/shop")
UNITS = [
    *(
        "a",
        " ",
        "a ",
        "a.",
        "a:",
        "/a",
        "\\",
        "[",
        "(",
        "at ",
        "(at ",
        ": error: ",
        "Error",
        "error ",
        ".Error: ",
        "#1 ",
    ),
    *(
        'File "',
        "::",
        "::error ",
        "x=1,",
        "> ",
        "› ",
        "● ",
        "E   ",
        "- ",
        "| ",
        "1:",
        "1) ",
        "__",
        "==",
        "--- FAIL: ",
        "─",
    ),
    *(
        "npm error ",
        "ERROR: ",
        "[ERROR] ",
        "src/a.ts(1,1): ",
        "a.py:1: ",
        "at a (b:1:1) ",
        "'a' ",
        "`",
        "…",
        "\t",
        "\x1b[",
    ),
    *(
        "##[error]",
        "Caused by: ",
        "failed ",
        "exit code 1 ",
        "A" * 60 + ".",
        "A" * 60 + "::",
        "ld: ",
        ".o: ",
        "in function ",
    ),
    *(
        " #0 0x1 in a b:1 ",
        "==1==  at 0x1: a (b:1) ",
        "      ^-- SC2086 (info): ",
        "==1==ERROR: AddressSanitizer: a on ",
        "a:1:1: runtime error: ",
        "1/2 Test #1: a ***Failed ",
        " WARNING: ",
        "At a:1 char:1 ",
        "a: b:1",
        "@",
        "Permission denied (publickey",
    ),
]


@pytest.mark.parametrize("unit", UNITS)
def test_a_line_of_one_thing_over_and_over_takes_no_long_time(unit):
    line = unit * (40_000 // len(unit))
    hints = "\n".join(
        [
            *("=== FAILURES ===", "TypeError: x", "    at f (a.js:1:2)", "npm error code E404", "error[E0308]: a"),
            *("Aborted with 1 warnings in strict mode!", "==1== ERROR SUMMARY: 1 ", "The following tests FAILED:"),
            *("build finished with problems, 1 warning (with warnings treated as errors).", "Line |", "CategoryInfo"),
            *("Failed to initialize container a", "WARNING: DATA RACE", "Host key verification failed."),
        ]
    )
    log = text_log("\n".join([line, f"Error: {line}", f"    at {line}", hints, *[line[:3000]] * 20]), PLACE, "file")

    begun = time.process_time()
    failures_of(log)

    assert time.process_time() - begun < 2


LINES = st.sampled_from(
    """\


    at f (/srv/a.js:1:2)
TypeError: x
Traceback (most recent call last):
  File "/srv/a.py", line 3, in f
    x = 1
ValueError: bad
E   assert 1 == 2
____ test_a ____
=== FAILURES ===
=== short test summary info ===
FAILED a.py::test_a - no
=== 1 failed in 0.1s ===
  ● a › b
FAIL src/a.test.js
npm error code E404
npm error 404
error[E0308]: no
   Compiling a v1
 --> src/lib.rs:1:2
--- FAIL: TestA (0.00s)
    --- FAIL: TestA/b (0.00s)
panic: no
goroutine 1 [running]:
##[error]no
##[error]Process completed with exit code 1.
##[group]Run a
shell: bash
##[endgroup]
[ERROR] no
[ERROR] a.B.c -- Time elapsed: 1 s <<< FAILURE!
* What went wrong:
ERROR: failed to solve: process "a" did not complete successfully: exit code: 1
 > [1/2] RUN a
make: *** [a] Error 2
src/a.ts(1,2): error TS1: no
/srv/a.js
  1:2  error  no  no-no
x
╵
│ Error: no
not ok 1 - a
  ---
  ...
  1) a
2 failing
Failures:
 FAIL  a > b
⎯⎯⎯⎯⎯⎯⎯ Failed Tests 1 ⎯⎯⎯⎯⎯⎯⎯
======
FAIL: test_a (b.C)
------
---- a stdout ----
thread 'a' panicked at src/a.rs:1:2:
ERROR: Cannot install a
error: subprocess-exited-with-error
error during build:
Failed to compile.
curl: (6) Could not resolve host: a
[  FAILED  ] A.b (0 ms)
a.cc:1: Failure
✖ failing tests:
test at a.js:1:2
✖ a (1ms)
  1) [a] › a.ts:1:2 › b
  1 flaky
==1==ERROR: AddressSanitizer: a on b
    #0 0x1 in f /srv/a.cpp:1
SUMMARY: AddressSanitizer: a /srv/a.cpp:1 in f
WARNING: DATA RACE
      /srv/a.go:1 +0x1
1/2 Test #1: a ...***Failed  0.01 sec
The following tests FAILED:
    1 - a (Failed)
Get-Item: /srv/a.ps1:1
Line |
     |  ~~~
At /srv/a.ps1:1 char:1
+ a
    + CategoryInfo          : A: (b) [], C
Failed to initialize container a:1
/usr/bin/docker logs --details a
One or more containers failed to start.
Warning, treated as error:
/srv/a.rst:1: WARNING: no
build finished with problems, 1 warning (with warnings treated as errors).
WARNING -  no
Aborted with 1 warnings in strict mode!
@@@@@@@@@@@@@@@@@@@@@@@@
Host key verification failed.
a@b: Permission denied (publickey).
  × No solution found when resolving dependencies:
  ╰─▶ Because a, no
==1== Invalid read of size 4
==1==    at 0x1: f (a.c:1)
==1== ERROR SUMMARY: 1 errors
In a.sh line 1:
   ^-- SC2086 (info): no
Your requirements could not be resolved to an installable set of packages.
Could not find gem 'a' in b""".splitlines()
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(LINES, max_size=40), st.lists(LINES, max_size=20))
def test_any_mixture_of_blocks_gives_failures_of_lines_that_are_there(lines, green):
    log = text_log("\n".join(lines), PLACE, "file")
    numbers = {line.number for line in log.lines}

    for failure in failures_of(log, text_log("\n".join(green), PLACE, "file")):
        assert failure.lines
        assert {line.number for line in failure.lines} <= numbers
        assert failure.headline == failure.headline.strip()
        assert [line.number for line in failure.lines] == sorted({line.number for line in failure.lines})


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
def test_fifty_thousand_lines_beside_a_passing_log_cost_a_few_times_what_masking_them_costs():
    rng = random.Random(7)

    def lines() -> str:
        kinds = (
            lambda: f"tests/test_{rng.randrange(300)}.py::test_{rng.randrange(40)} PASSED",
            lambda: (
                f"Downloading package-{rng.randrange(900)}.tar.gz from https://files.example/{rng.getrandbits(160):x}"
            ),
            lambda: f"INFO request_id={rng.getrandbits(128):x} status=200 in {rng.randrange(99)} ms",
            lambda: (
                f"WARNING: retry {rng.randrange(3)} of 3 after error: connection refused 10.0.0.{rng.randrange(255)}"
            ),
        )
        return "\n".join(rng.choice(kinds)() for _ in range(50_000))

    log = text_log(lines() + "\nFAILED tests/test_a.py::test_b - AssertionError: x\n", PLACE, "file")
    green = text_log(lines(), PLACE, "file")

    # Beside a peer and not against a clock: a measured run (coverage) makes both slower.
    masking.forget()
    begun = time.process_time()
    for line in (*log.lines, *green.lines):
        masking.pattern(line.text)
    masked = time.process_time() - begun
    masking.forget()
    begun = time.process_time()
    (failure,) = failures_of(log, green)
    taken = time.process_time() - begun

    assert failure.headline == "AssertionError: x"
    print(f"{taken:.2f} s, masking alone {masked:.2f} s")
    assert taken < 8 * masked


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@pytest.mark.parametrize(
    "line",
    [
        "##[error]thing {} is wrong",
        "curl: (6) Could not resolve host: a{}",
        "ERROR: failed to solve: a{}",
        "Traceback (most recent call last):",
        "Error: item {} is invalid",
        "src/a{0}.ts({0},1): error TS2322: no {0}",
    ],
)
def test_a_log_of_nothing_but_errors_is_read_in_bounded_time_and_told_in_bounded_number(line):
    log = text_log("\n".join(["   Compiling a", *(line.format(number) for number in range(10_000))]), PLACE, "file")

    begun = time.process_time()
    failures = failures_of(log)

    assert 0 < len(failures) <= 300
    assert time.process_time() - begun < 3
