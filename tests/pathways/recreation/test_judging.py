"""How a run is compared with what is sought, and what is made of it: pure."""

import re
from pathlib import Path

import pytest

from repo_agent_dagster.contracts.recreation import Attempt, ErrorSignature, RecreationVerdict
from repo_agent_dagster.pathways.recreation.candidates import Candidate
from repo_agent_dagster.pathways.recreation.confidence import RULES, Evidence, confidence
from repo_agent_dagster.pathways.recreation.exception_types import is_a
from repo_agent_dagster.pathways.recreation.judging import judge
from repo_agent_dagster.pathways.recreation.matching import Match, compare
from repo_agent_dagster.pathways.recreation.reading.messages import likeness
from repo_agent_dagster.pathways.recreation.reading.shown_errors import shown_errors
from repo_agent_dagster.pathways.recreation.running import Observation
from repo_agent_dagster.pathways.recreation.searching import Found, Search
from repo_agent_dagster.pathways.recreation.survey import Survey

SURVEY = Survey(files=frozenset({"shop/cart.py", "lib/index.js"}), bases={"OutOfStock": frozenset({"LookupError"})})
SCRIPT = Candidate("code block 1", "python", "x", ".py")
SOUGHT = ErrorSignature(
    symptom="exception", exception="KeyError", message="'tea'", frame="shop/cart.py:take", source="traceback"
)


def traceback(error: str, file: str = "/workspace/repo/shop/cart.py", function: str = "take") -> str:
    return f'Traceback (most recent call last):\n  File "{file}", line 3, in {function}\n    x\n{error}\n'


def seen(output: str, *, exit_code: int | None = 1, sought: ErrorSignature = SOUGHT, timed_out: bool = False) -> Match:
    run = Observation("python3 x.py", exit_code, timed_out, 1.0, output, tuple(shown_errors(output)))
    return compare(sought, SCRIPT, run, SURVEY)


@pytest.mark.parametrize(
    ("output", "outcome", "parts"),
    [
        (traceback("KeyError: 'tea'"), "shown", ("exception", "message", "frame")),
        (traceback("KeyError: 'tea'", function="add"), "shown", ("exception", "message", "file")),
        (traceback("KeyError: 'tea'", file="/tmp/x.py"), "shown", ("exception", "message")),
        (traceback("KeyError: 'milk'"), "shown", ("exception", "frame")),
        (traceback("KeyError: 'milk'", file="/tmp/x.py"), "near", ("exception",)),
        (traceback("ValueError: 'tea'"), "near", ("message", "frame")),
        (traceback("ValueError: no"), "near", ("frame",)),
        (traceback("ValueError: no", file="/tmp/x.py"), "other_error", ()),
        (traceback("ModuleNotFoundError: No module named 'a'", file="/w/repo_agent_repro.py"), "own_error", ()),
        (traceback("NameError: name 'a' is not defined"), "near", ("frame",)),
        ("", "other_error", ()),
    ],
)
def test_a_run_is_compared_by_type_message_and_frame(output: str, outcome: str, parts: tuple[str, ...]) -> None:
    match = seen(output)
    assert (match.outcome, match.parts) == (outcome, parts)


def test_of_chained_errors_the_one_sought_counts() -> None:
    output = traceback("KeyError: 'tea'") + "\nDuring handling of the above exception, another exception occurred:\n\n"
    assert seen(output + traceback("RuntimeError: lost")).is_shown


def test_a_run_that_ends_well_or_not_in_time_is_told_apart() -> None:
    assert seen("fine", exit_code=0).outcome == "no_error"
    assert seen("…", exit_code=None, timed_out=True).outcome == "timed_out"
    assert seen("", exit_code=None, timed_out=True, sought=ErrorSignature(symptom="hang")).parts == ("hang",)


def test_a_tool_that_tells_its_error_without_a_traceback_is_known_by_its_message() -> None:
    sought = ErrorSignature(symptom="exception", message="cannot open the till")
    assert seen("error: cannot open the till 42\n", exit_code=2, sought=sought).parts == ("message",)


def test_nothing_sought_is_never_shown_but_an_error_in_the_repository_is_near() -> None:
    assert seen(traceback("KeyError: 1"), sought=ErrorSignature()).outcome == "near"
    assert seen(traceback("KeyError: 1", file="/tmp/x.py"), sought=ErrorSignature()).outcome == "other_error"


def test_exceptions_are_derived_by_pythons_and_the_repositorys_own_bases() -> None:
    bases = SURVEY.bases
    assert is_a("FileNotFoundError", "OSError", bases)
    assert is_a("OSError", "IOError", bases)
    assert is_a("JSONDecodeError", "ValueError", bases)
    assert is_a("OutOfStock", "Exception", bases)
    assert not is_a("KeyError", "IndexError", bases)
    assert not is_a("A", "B", {"A": frozenset({"A"})})


@pytest.mark.parametrize(
    ("told", "shown", "alike"),
    [
        ("'tea'", "'tea'", "exact"),
        ("no tea left", "there is no tea left in the shop", "exact"),
        ("no tea at 0x7f12", "no tea at 0x7f99", "pattern"),
        ("cannot open /home/me/till.db", "cannot open /workspace/repo/till.db", "pattern"),
        ("list index 4 of 3", "list index 9 of 8", "pattern"),
        ("a very long mess...", "a very long message", "exact"),
        ("it’s gone", "it's gone", "exact"),
        ("missing 1 argument when I call it", "missing 1 argument", "exact"),
        ("3", "4", None),
        ("0x12", "0x34", None),
        ("'tea'", "'milk'", None),
        ("", "anything", None),
    ],
)
def test_messages_are_compared_as_patterns(told: str, shown: str, alike: str | None) -> None:
    assert likeness(told, shown) == alike


def evidence(**changes: object) -> Evidence:
    all_well = {"happened": 3, "runs": 3, "is_repaired": False, "is_told": True, "is_in_repository": True}
    return Evidence(**{"parts": ("exception", "message", "frame"), "test_fails": True, **all_well, **changes})  # type: ignore[arg-type]


def test_confidence_is_looked_up_and_lowered_by_what_was_done() -> None:
    assert confidence(evidence())[0] == 0.95
    assert confidence(evidence(is_repaired=True, is_told=False))[0] == 0.85
    assert confidence(evidence(is_in_repository=False, test_fails=False))[0] == 0.65
    assert confidence(evidence(happened=1))[0] == 0.32
    assert confidence(evidence(parts=("subclass", "message_pattern")))[0] == 0.75
    assert confidence(evidence(parts=()))[0] == 0.3


def test_a_better_match_is_never_worth_less() -> None:
    values = [rule.value for rule in RULES]
    assert values == sorted(values, reverse=True)


def test_the_page_shows_the_table_that_is_used() -> None:
    page = (Path(__file__).parents[3] / "docs/error-recreation.md").read_text()
    shown = {float(value) for value in re.findall(r"^\|.*\| (0\.\d\d) \|$", page, re.MULTILINE)}
    assert shown == {rule.value for rule in RULES}


def attempt(outcome: str, *, told: bool = True) -> Search:
    one = Attempt(
        origin="code block 1", kind="python", command="x", exit_code=1, outcome=outcome, matched=[], seen="KeyError: 1",
        duration_seconds=1,
    )  # fmt: skip
    return Search(attempts=[one], told=[one] if told else [])


@pytest.mark.parametrize(
    ("search", "verdict"),
    [
        (Search(), RecreationVerdict.UNCLEAR),
        (attempt("no_error"), RecreationVerdict.NOT_REPRODUCED),
        (attempt("no_error", told=False), RecreationVerdict.UNCLEAR),
        (attempt("other_error"), RecreationVerdict.NOT_REPRODUCED),
        (attempt("near"), RecreationVerdict.UNCLEAR),
        (attempt("own_error"), RecreationVerdict.UNCLEAR),
        (attempt("timed_out"), RecreationVerdict.TIMED_OUT),
        (Search(found=Found(SCRIPT, Match("shown", ("exception",)), 3, 3)), RecreationVerdict.REPRODUCED),
        (Search(found=Found(SCRIPT, Match("shown", ("exception",)), 1, 3)), RecreationVerdict.FLAKY),
    ],
)
def test_the_verdict_follows_from_the_attempts(search: Search, verdict: RecreationVerdict) -> None:
    judgement = judge(SOUGHT, search, test_fails=True)

    assert judgement.verdict is verdict
    assert judgement.reasons[0].endswith(".")


def test_what_is_not_said_cannot_be_judged() -> None:
    judgement = judge(ErrorSignature(), attempt("no_error"), test_fails=False)
    assert judgement.verdict is RecreationVerdict.UNCLEAR
    assert "expectedError" in judgement.reasons[0]


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/home/me/venv/lib/python3.8/site-packages/shop/cart.py", "shop/cart.py"),
        ("C:\\work\\shop\\cart.py", "shop/cart.py"),
        ("cart.py", "shop/cart.py"),
        ("/usr/lib/python3.11/shop/cart.py", None),
        ("<frozen importlib>", None),
        ("/x/other.py", None),
        ("/node_modules/other/index.js", None),
        ("/node_modules/shop/lib/index.js", "lib/index.js"),
    ],
)
def test_frames_are_recognised_wherever_the_repository_was_installed(path: str, file: str | None) -> None:
    assert SURVEY.file_of(path) == file
