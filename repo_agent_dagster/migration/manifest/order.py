"""The order of units: which must have been migrated before which, and that no two wait for each other."""

from collections.abc import Callable, Sequence

from repo_agent_dagster.migration.faults import ManifestError


def refuse_cycle(unit: str, after_of: Callable[[str], Sequence[str]]) -> None:
    """Refuse a unit that, over others, waits for itself; `after_of` gives what a unit's manifest says in `after`.

    Raises:
        ManifestError: it does; the message names the way round.
    """
    finished: set[str] = set()

    def follow(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            circle = " → ".join((*way[way.index(name) :], name))
            raise ManifestError(f"after: {circle}: these units wait for each other; take one of them out of an after:")
        if name in finished:
            return
        for other in after_of(name):
            follow(other, (*way, name))
        finished.add(name)

    follow(unit, ())
