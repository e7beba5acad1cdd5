"""What a step says where no tool gives a verdict, and what the build service itself says."""

import pytest

STEP = """\
##[group]Run {command}
\x1b[36;1m{command}\x1b[0m
shell: /usr/bin/bash -e {{0}}
##[endgroup]
{output}
##[error]Process completed with exit code {code}.
Post job cleanup.
[command]/usr/bin/git config --local --unset-all http.https://github.com/.extraheader
"""


@pytest.mark.parametrize(
    ("output", "headline", "exit_code"),
    [
        ("./x.sh: line 3: kubctl: command not found", "./x.sh: line 3: kubctl: command not found", 127),
        ("cp: cannot stat 'dist': No such file or directory", "cp: cannot stat 'dist': No such file or directory", 1),
        ("retry 1/2 after error\ncurl: (6) Could not resolve host: a.b", "curl: (6) Could not resolve host: a.b", 1),
        ("/tmp/x.sh: line 1:  8926 Killed   python index.py", "/tmp/x.sh: line 1:  8926 Killed   python index.py", 137),
        ("FATAL ERROR: JavaScript heap out of memory", "FATAL ERROR: JavaScript heap out of memory", 1),
        ("deploying\nError: API_TOKEN is not set.\nhint: see the handbook", "Error: API_TOKEN is not set.", 1),
        ("upload failed, retrying (1/3): 503\ngiving up after 3 attempts: 503", "giving up after 3 attempts: 503", 1),
        ("checked 12 files, 0 errors\nthe schema differs from the live one", "the schema differs from the live one", 1),
    ],
)
def test_a_failed_step_is_one_failure_told_by_its_clearest_line(explain, output, headline, exit_code):
    (failure,) = explain(STEP.format(command="./deploy.sh", output=output, code=1))

    assert (failure.headline, failure.command, failure.exit_code) == (headline, "./deploy.sh", exit_code)
    assert failure.place.step == "Run ./deploy.sh"


@pytest.mark.parametrize(
    "line",
    [
        "0 errors, 3 files checked",
        "✓ raises an error for no items (3 ms)",
        "compiled src/error-handler.ts",
        "npm warn deprecated request@2.88.2: request has been deprecated",
        "WARNING: connection failed, will retry",
        "test result: ok. 4 passed; 0 failed",
    ],
)
def test_what_only_sounds_like_an_error_is_not_picked(explain, line):
    (failure,) = explain(STEP.format(command="./check.sh", output=f"{line}\nError: the schema is invalid", code=1))

    assert failure.headline == "Error: the schema is invalid"
    assert line not in failure.text


def test_a_trace_that_ended_the_program_is_the_failure(explain):
    (failure,) = explain(
        STEP.format(
            command="node app.js",
            output="""\
node:fs:573
  return binding.open(
                 ^

Error: ENOENT: no such file or directory, open '/etc/shop/config.json'
    at Object.openSync (node:fs:573:18)
    at load (/home/runner/_work/shop/shop/app.js:4:32) {
  errno: -2,
  code: 'ENOENT'
}

Node.js v20.20.2""",
            code=1,
        )
    )

    assert failure.headline.startswith("Error: ENOENT")
    assert failure.top_frame is not None
    assert failure.top_frame.function == "load"
    assert "openSync" not in failure.text


def test_other_steps_and_the_clean_up_are_not_looked_into(explain):
    failures = explain(
        STEP.format(command="./warm.sh", output="Error: the cache is cold", code=0).replace("##[error]", "")
        + STEP.format(command="./deploy.sh", output="Error: the schema is invalid", code=1)
    )

    assert [failure.headline for failure in failures] == ["Error: the schema is invalid"]


def test_the_build_services_own_words_are_a_failure(explain):
    for words in (
        "Unable to resolve action `acme/nothere@v9`, unable to find version `v9`",
        "The runner has received a shutdown signal.",
        "The action 'Bundle' has timed out after 20 minutes.",
        "Input required and not supplied: token",
    ):
        (failure,) = explain(f"Download action repository\n##[error]{words}\n")
        assert (failure.tool, failure.headline) == ("actions", words)
        assert failure.signals == {"annotation"}


def test_an_annotation_with_a_place_keeps_it(explain):
    (failure,) = explain("::error file=src/a.sh,line=3,col=5::SC2086: Double quote to prevent globbing\n")

    assert [str(anchor) for anchor in failure.anchors] == ["src/a.sh:3:5"]


def test_where_nothing_is_said_the_exit_is_the_failure(explain):
    (failure,) = explain(STEP.format(command="exit 3", output="", code=3))

    assert (failure.exit_code, failure.command) == (3, "exit 3")


def test_programs_that_speak_in_turns_are_read_one_by_one(explain):
    (failure,) = explain(
        STEP.format(
            command="docker compose up",
            output="""\
api-1  | Traceback (most recent call last):
db-1   | LOG:  listening on port 5432
api-1  |   File "/app/settings.py", line 18, in load
db-1   | LOG:  an error would be told here
api-1  |     return int(size)
api-1  | ValueError: invalid literal for int(): 'ten'""",
            code=1,
        )
    )

    assert failure.headline == "ValueError: invalid literal for int(): 'ten'"
    assert "db-1" not in failure.text


def test_a_step_that_failed_in_the_passing_build_too_is_not_looked_into(explain):
    audit = STEP.format(command="npm audit", output="1 high severity vulnerability", code=1)

    (failure,) = explain(
        audit + STEP.format(command="./deploy.sh", output="Error: the schema is invalid", code=1),
        audit + "##[group]Run ./deploy.sh\n##[endgroup]\ndone\n",
    )

    assert failure.headline == "Error: the schema is invalid"


def test_a_step_that_was_ended_by_a_signal_is_told_by_its_exit(explain):
    (failure,) = explain(STEP.format(command="npm run build", output="transforming...", code=137))

    assert (failure.headline, failure.exit_code) == ("Process completed with exit code 137.", 137)
