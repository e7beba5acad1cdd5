"""Find the first commit at which the error happens: the reproduction is run at commits between a good and a bad one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from repo_agent_dagster.contracts.recreation import Bisection

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.repositories.history import Commit, Mirror

MOST_STEPS = 40
_LISTED = 50

Trial = Literal["good", "bad", "untestable"]
Try = Callable[[str], Trial]


@dataclass
class Halving:
    """The search on one line of commits, the oldest first: where it stands and what it took."""

    good: int
    bad: int
    steps: int = 0
    skipped: list[int] = field(default_factory=list)


def halve(count: int, trial: Callable[[int], Trial], *, most_steps: int = MOST_STEPS) -> Halving:
    """Narrow down the first bad one of `count` in a row, of which the last is bad and what is before the first is good.

    Ends with `bad - good == 1`, unless all between them are untestable or the steps are used up.
    """
    state = Halving(-1, count - 1)
    while state.steps < most_steps:
        left = [at for at in range(state.good + 1, state.bad) if at not in state.skipped]
        if not left:
            break
        middle = (state.good + state.bad) / 2
        at = min(left, key=lambda one: abs(one - middle))
        state.steps += 1
        outcome = trial(at)
        if outcome == "good":
            state.good = at
        elif outcome == "bad":
            state.bad = at
        else:
            state.skipped.append(at)
    return state


def bisect(mirror: "Mirror", good_ref: str, bad: str, trial: Try, *, say: Callable[[str], None]) -> Bisection:
    """Return the first commit between a good ref and a bad commit at which `trial` says bad.

    First parents are followed, so a merge is one step; a merge that is found is searched in turn, along the line that
    it brought in.
    """
    good = mirror.resolve(good_ref)
    if good == bad:
        return Bisection(good=good, bad=bad, first_bad=None, steps=0, note="the good ref is the bad commit itself")
    line = mirror.log(good, bad, first_parent=True)
    if not line:
        note = "the good ref has all commits of the bad one: it comes after it"
        return Bisection(good=good, bad=bad, first_bad=None, steps=0, note=note)
    base = line[0].parents[0] if line[0].parents else ""
    notes = ["first parents were followed"]
    if base != good:
        left_from = base[:12] or "nothing"
        notes.append(f"the good ref is not on the line of {bad[:12]}: what that left from, {left_from}, took its place")
    start = trial(base) if base else "good"
    steps = 1 if base else 0
    if start != "good":
        why = "the error happens there too" if start == "bad" else "the reproduction cannot be run there"
        return Bisection(good=good, bad=bad, first_bad=None, steps=steps, note=f"at {base[:12]} {why}")
    if base:
        notes.append(f"at {base[:12]} the reproduction runs without the error")
    return _descend(line, good, bad, trial, steps, notes, mirror, say)


def _descend(
    line: "Sequence[Commit]",
    good: str,
    bad: str,
    trial: Try,
    steps: int,
    notes: list[str],
    mirror: "Mirror",
    say: Callable[[str], None],
) -> Bisection:
    skipped: list[str] = []
    found: Commit | None = None
    while line and steps < MOST_STEPS:
        commits = line
        say(f"{len(commits)} commits between {commits[0].id[:12]} and {commits[-1].id[:12]}")
        state = halve(len(commits), _trial_of(commits, trial), most_steps=MOST_STEPS - steps)
        steps += state.steps
        skipped += [commits[at].id for at in state.skipped]
        if state.bad - state.good > 1:
            left = [commit.id[:12] for commit in commits[state.good + 1 : state.bad + 1]]
            notes.append(f"it is one of {', '.join(left[:_LISTED])}: the others of them could not be tried")
            return _result(good, bad, None, steps, skipped, notes)
        found = commits[state.bad]
        line = mirror.log(found.parents[0], found.parents[1], first_parent=True) if len(found.parents) > 1 else []
        if line:
            steps += 1
            if trial(line[-1].id) != "bad":
                notes.append("it is a merge: the line that it brought in does not show the error by itself")
                break
            notes.append(f"{found.id[:12]} is a merge; the line that it brought in was searched")
    return _result(good, bad, found, steps, skipped, notes)


def _result(good: str, bad: str, found: "Commit | None", steps: int, skipped: list[str], notes: list[str]) -> Bisection:
    return Bisection(
        good=good,
        bad=bad,
        first_bad=found.id if found else None,
        subject=found.subject[:300] if found else "",
        steps=steps,
        skipped=skipped[:_LISTED],
        note="; ".join(notes),
    )


def _trial_of(commits: "Sequence[Commit]", trial: Try) -> Callable[[int], Trial]:
    """Return the trial of a commit by its place in this line, whatever line is looked at next."""
    return lambda at: trial(commits[at].id)
