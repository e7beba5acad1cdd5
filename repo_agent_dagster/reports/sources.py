"""Where each number of a report comes from: the rule in words, and the query that finds its rows again."""

from collections.abc import Callable

from repo_agent_dagster.contracts.reports import NumberSource

ShownQuery = Callable[[str], str]
"""Returns a query of `sql/queries/orders` as text that can be run for one order."""

_RULES: tuple[tuple[str, str, str, str | None], ...] = (
    (
        "patches",
        "Patches",
        "Distinct patch_id in patch_events with this order_id (unattributed: no order_id).",
        "patches",
    ),
    (
        "outcomes",
        "Ok / failed / unchecked",
        "Each patch once, by its last event with a ts_check_ok: true, false, or none at all.",
        "outcomes",
    ),
    (
        "success-rate",
        "Success rate",
        "Ok divided by ok + failed. Unchecked patches are in neither; nothing checked, no rate.",
        "success_rate",
    ),
    (
        "reverted",
        "Reverted",
        "Patches with a patch_reverted event; they are also counted by their check.",
        "reverted",
    ),
    (
        "refused",
        "Refused",
        "Unchecked patches with a patch_failed event: they failed before any check, e.g. by a conflict.",
        "refused",
    ),
    (
        "latency",
        "Latency",
        "Seconds between the first events of each kind of a patch, never less than zero; the mean to the millisecond, "
        "and the 95th percentile by nearest rank, over the patches that have both events.",
        "latency",
    ),
    (
        "phases",
        "Phases",
        "Patches by the phase of their first event; from the first to the last event of these patches.",
        "phases",
    ),
    (
        "timeline",
        "Timeline",
        "Patches by batch, where there are many by day, week or phase, at the first event; tasks, migrations, "
        "approvals and ops issues at the instants of their rows.",
        None,
    ),
    ("days", "Patches a day", "Patches by the UTC day of their first event.", "days"),
    ("operations", "Operations", "Patches by the operation of their first event.", "operations"),
    ("factories", "Factories", "Patches by the requester of their first event.", "factories"),
    (
        "files",
        "Files",
        "Patches by workspace and the path that their last event tells. A final diff leads from before the first of "
        "the patches in effect to after the last; contents are those with the digests in the events' meta.",
        "files",
    ),
    (
        "lines",
        "Lines + and −",
        "Sum over applied patches that were not reverted: added and removed in the event's meta, else counted in "
        "the diff at diff_path. “?” where neither is there.",
        "lines",
    ),
    (
        "checks",
        "Checks",
        "Events patch_validated and patch_failed with a ts_check_ok or a check in their meta, by batch, check, outcome "
        "and instant; findings before, after and added as their meta tells them.",
        "checks",
    ),
    (
        "task-runs",
        "Task runs",
        "Rows of task_requests with this order_id, or whose id is the task_id of one of the events.",
        "task_runs",
    ),
    (
        "tests",
        "Tests before and after",
        "Column result of the task requests that prove something: validations, recreations and test runs.",
        "tests",
    ),
    (
        "migrations",
        "Migrations",
        "Rows of staging_migrations with this order_id or with one of its tasks.",
        "migrations",
    ),
    (
        "ops-issues",
        "Ops issues",
        "Opened: rows of ops_issues whose run_id is the Dagster run of one of the task runs. Closed: settled rows with "
        "this order_id, which is set when an issue is resolved for an order or by a task of one.",
        "ops_issues",
    ),
    (
        "approvals",
        "Approvals",
        "Rows of approvals that the migrations wait for, and of the goal runs whose tasks the events name.",
        "approvals",
    ),
    (
        "ai-cost",
        "Cost of AI calls",
        "Rows of ai_operation_logs of the task runs, by model: the sum of cost over the calls whose cost is known.",
        "ai_cost",
    ),
    ("errors", "Errors", "Each patch once, by the last error among its events; the ten most frequent.", "errors"),
    (
        "custody",
        "Custody",
        "Hashes of patch_custody recomputed for each workspace that the order touched, and held against the events: "
        "what was appended before every report, the whole chain nightly and by `reports generate ORDER`.",
        "custody",
    ),
)


def report_sources(shown_query: ShownQuery) -> list[NumberSource]:
    """Return the source of each number, with the queries as they run for one order."""
    return [
        NumberSource(id=name, number=number, rule=rule, query=None if query is None else shown_query(query))
        for name, number, rule, query in _RULES
    ]
