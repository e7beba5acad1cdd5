"""What is not done without being asked for: Durable Objects that had a database each would share one."""

from dataclasses import replace

from repo_agent_dagster.migration.refactor.model import ManualWork, Refactoring

_REASON = (
    "each Durable Object has rows of its own, and in D1 all objects would share the tables: add the object's name to "
    "the keys, or say `shared_objects: true` in d1_to_rpc if there is only one object or they may share"
)


def without_shared_objects(made: Refactoring) -> Refactoring:
    """Return the refactoring, or, where it would move the SQL of Durable Objects, nothing but the work that is left.

    The unit is then left whole: what stays and what moves could be tied by their tables.
    """
    moved = [one for one in made.statements if one.api == "durable-object" and one.outcome in {"method", "migration"}]
    if not moved:
        return made
    left = tuple(ManualWork(one.site, _REASON, one.sql or one.call) for one in moved)
    return Refactoring(
        statements=tuple(replace(one, outcome="manual", method=None) for one in made.statements),
        manual=tuple(sorted((*made.manual, *left), key=_place)),
    )


def _place(work: ManualWork) -> tuple[str, int, int]:
    return work.site.file, work.site.line, work.site.column
