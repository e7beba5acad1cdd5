"""The outbox's sensor: patch events reach those who asked for them, also when who recorded them is gone."""

import dagster as dg

from repo_agent_dagster.resources import ClockResource, NotificationsResource, StoreResource

BUDGET_SECONDS = 20.0
"""A tick ends well before Dagster's time-out for sensors; what is left waits for the next one."""


@dg.sensor(
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Posts patch events to notification targets, in order, again until they are taken.",
)
def notifications_sensor(
    context: dg.SensorEvaluationContext,
    store: StoreResource,
    notifications: NotificationsResource,
    clock: ClockResource,
) -> dg.SkipReason:
    """Deliver what is due. Repeating a tick is harmless: each target's cursor is in the store."""
    done = notifications.deliver(store, clock, budget_seconds=BUDGET_SECONDS)
    for problem in done.problems:
        context.log.warning(problem)
    said = [f"{done.delivered} event(s) delivered"]
    if done.parked:
        said.append(f"{done.parked} parked")
    if done.problems:
        said.append(f"{len(done.problems)} problem(s): {done.problems[0]}")
    return dg.SkipReason("; ".join(said) if done.delivered or done.problems else "nothing to deliver")


default_sensors = [notifications_sensor]
