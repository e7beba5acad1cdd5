"""Whether the runs can be believed: what the runner's report, its exit code and a count of its own say. Pure."""

from repo_agent_dagster.pathways.suites.testrun import TestRun

_NAMED = 3
_ENDED = "ended pytest"
"""What pytest's plugin of ours says last (`suites/inside/repo_agent_integrity.py`)."""


def doubts(run: TestRun, reference: TestRun | None = None) -> list[str]:
    """Return why this run's report should not be believed, each a clause; none is the rule.

    A run that was stopped by its time limit, or that found no test, is judged for that and not for its report. What
    was changed of the runner counts where it was not in the run of `reference`, the commit without the patch.
    """
    if run.timed_out or run.nothing_to_run:
        return []
    found = list(run.doubts)
    if run.source == "exit_code" and not found:
        found.append(f"there is no report that tells its tests apart ({run.note or 'none was left'})")
    if run.source != "exit_code" and run.broke_down and not found:
        found.append(f"the command ended with exit code {run.exit_code}, but no test in its report failed")
    if run.exit_code == 0 and run.failing and not found:
        found.append(f"the command ended with exit code 0, but {len(run.failing)} tests in its report failed")
    if reference is not None and run.source != "exit_code":
        known, seen = reference.runner or frozenset(), run.runner or frozenset()
        if _ENDED in known - seen:
            found.append("pytest did not come to its end, though it left a report")
        if added := sorted(seen - known):
            more = f" and {len(added) - _NAMED} more" if len(added) > _NAMED else ""
            found.append(f"the runner was meddled with while it ran: {', '.join(added[:_NAMED])}{more}")
    return found
