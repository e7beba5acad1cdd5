"""What people should know of a refactoring, although nothing of it is left undone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from repo_agent_dagster.migration.refactor.extraction.operations import Uses
from repo_agent_dagster.migration.refactor.generation.methods import Methods
from repo_agent_dagster.migration.refactor.generation.wrangler import Wrangler
from repo_agent_dagster.migration.refactor.model import CallSite, Note
from repo_agent_dagster.migration.refactor.sql.schema import Schema
from repo_agent_dagster.migration.refactor.worker.rewriting import WorkerChanges


@dataclass(frozen=True)
class Facts:
    """Where things are; `others` is the schema of the orchestrator's migrations that are not the unit's."""

    destination: str
    binding: str
    entrypoint_file: str
    wrangler: Wrangler | None
    others: Schema


def notes_of(
    facts: Facts, moved: Mapping[str, Uses], methods: Methods, schema: Schema, own: Schema, worker: WorkerChanges
) -> list[Note]:
    """Return the notes: what was dropped, what is shared now, what must still be done outside of the code."""
    unit = CallSite(facts.destination, 1, 1)
    notes = [
        Note(dropped.node.site, f"dropped {dropped.sql or dropped.call}: {dropped.why}")
        for path in sorted(moved)
        for dropped in moved[path].dropped
        if dropped.why is not None
    ]
    notes += [
        Note(function.site, f"takes the binding {facts.binding} where it took a path") for function in worker.injected
    ]
    notes += _about_tables(facts, methods, schema, own)
    durable = next((plan for plan in methods.plans if plan.api == "durable-object"), None)
    if durable is not None:
        text = (
            "each Durable Object had rows of its own; in D1 all objects share the tables: "
            "add the object's name to the keys unless there is only one object"
        )
        notes.append(Note(durable.sites[0], text))
    d1 = any(plan.api == "d1" for plan in methods.plans)
    if d1 and facts.wrangler is not None and facts.wrangler.bindings("d1_databases"):
        text = "d1_databases is still there: copy its rows to the orchestrator's database, then remove it"
        notes.append(Note(CallSite(facts.wrangler.path, 1, 1), text))
    if worker.needs_declaration:
        notes.append(Note(unit, "the package has no types of the Workers runtime; a declaration was added"))
    return notes


def _about_tables(facts: Facts, methods: Methods, schema: Schema, own: Schema) -> Iterator[Note]:
    used = {table: plan for plan in reversed(methods.plans) for fact in plan.facts for table in fact.tables}
    for table, plan in sorted(used.items()):
        if schema.table(table) is None:
            yield Note(plan.sites[0], f"no CREATE TABLE {table} was found; the orchestrator must have it")
        elif own.table(table) is not None and facts.others.table(table) is not None:
            site = CallSite(facts.entrypoint_file, 1, 1)
            yield Note(site, f"the orchestrator's table {table} is used: other units see its rows too")
