"""Where each number of a report comes from, in the words that the reports' appendix prints."""

from repo_agent_dagster.contracts.reports import NumberSource

REPORT_SOURCES = tuple(
    NumberSource(id=number.lower().replace(" ", "-"), number=number, rule=rule)
    for number, rule in (
        ("Patches", "Distinct patch_id in patch_events with this order_id (unattributed: no order_id)."),
        (
            "Ok / failed / unchecked",
            "Each patch once, by its last event with a ts_check_ok: true, false, or none at all.",
        ),
        ("Success rate", "Ok divided by ok + failed. Unchecked patches are in neither; nothing checked, no rate."),
        ("Reverted", "Patches with a patch_reverted event; they are also counted by their check."),
        ("Refused", "Unchecked patches with a patch_failed event: they failed before any check, e.g. by a conflict."),
        ("Phases", "Patches by the phase of their first event; from the first to the last event of these patches."),
        ("Patches a day", "Patches by the UTC day of their first event."),
        (
            "Lines + and −",
            "Sum over applied patches that were not reverted: added and removed in the event's meta, else counted in "
            "the diff at diff_path. “?” where neither is there.",
        ),
        ("Task runs", "Rows of task_requests with this order_id, or whose id is the task_id of one of the events."),
        ("Tests before and after", "Column result of the solution_validation task's row in task_requests."),
        ("Migrations", "Rows of staging_migrations with this order_id or with one of its tasks."),
        ("Ops issues", "Rows of ops_issues whose run_id is the Dagster run of one of the task runs."),
        ("Errors", "Each patch once, by the last error among its events; the ten most frequent."),
        ("Custody", "Recomputed hashes of patch_custody, the whole chain of each workspace the order touched."),
    )
)
