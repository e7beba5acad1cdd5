"""The generated TypeScript: the entrypoint class in the orchestrator, and its contract in the worker."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.migration.refactor.extraction.operations import BoundStatement, TransactionBody
from repo_agent_dagster.migration.refactor.extraction.texts import template_literal
from repo_agent_dagster.migration.refactor.generation.methods import MethodPlan, Methods
from repo_agent_dagster.migration.refactor.sql.tokens import numbered, tokens

_LINE = 110
_BYTES = """
/** D1 gives a BLOB as a list of numbers; the callers of this class know it as {type}. */
function withBytes<Row>(row: Record<string, unknown>, columns: readonly string[]): Row {{
  const copy: Record<string, unknown> = {{ ...row }};
  for (const column of columns) {{
    const value = copy[column];
    if (Array.isArray(value)) {{
      copy[column] = Uint8Array.from(value as number[]){suffix};
    }}
  }}
  return copy as Row;
}}
"""


@dataclass(frozen=True)
class Base:
    """What the entrypoint class extends, and the import statements that it needs."""

    extends: str
    imports: tuple[str, ...]
    declarations: tuple[str, ...] = ()


def entrypoint_file(methods: Methods, unit: str, name: str, database: str, base: Base) -> str:
    """Return the orchestrator's file with the entrypoint class."""
    kept = [_method(plan, database) for plan in methods.plans]
    parts = [
        f"// The rows of {unit}: one method for each statement that its worker runs.\n"
        "// Generated when the unit was migrated. To change a method, change it here and in the worker's contract\n"
        "// file; the next migration of the unit merges what you changed with what it generates.\n",
        *(f"{one}\n" for one in base.imports),
        "",
        *(f"{one}\n" for one in base.declarations),
        *(f"{_row_alias(row, columns)}\n" for row, columns in methods.rows.items()),
        *((f"{_CHANGES}\n",) if any(plan.mode == "changes" for plan in methods.plans) else ()),
        f"/** What {unit} asks of the database, over RPC. */\n"
        f"export class {name} extends {base.extends} {{\n" + "\n\n".join(kept) + "\n}\n",
    ]
    if any(_blob_columns(plan) for plan in methods.plans):
        durable = any(plan.api == "durable-object" for plan in methods.plans)
        parts.append(
            _BYTES.format(
                type="an ArrayBuffer" if durable else "a Uint8Array", suffix=".buffer" if durable else ""
            ).lstrip("\n")
        )
    binds = any(statement.values for plan in methods.plans for statement in plan.operation.statements)
    if binds and any(plan.api in _UNDEFINED_IS_NULL for plan in methods.plans):
        parts.append(_OR_NULL.lstrip("\n"))
    head = parts[0] + "".join(f"{one}\n" for one in base.imports)
    body = "\n".join(part.rstrip("\n") + "\n" for part in parts[1 + len(base.imports) :] if part)
    return f"{head}\n{body}"


_CHANGES = """/** What a write did; `lastInsertRowid` is the id of the row that was inserted last. */
export interface Changes {
  changes: number;
  lastInsertRowid: number;
}"""


def contract_file(
    methods: Methods, unit: str, interface: str, imports: Sequence[str], environment: Sequence[str]
) -> str:
    """Return the worker's file with the interface of its orchestrator binding."""
    parts = [
        f"// What {unit} calls on its orchestrator, over RPC; the orchestrator's class with these methods is\n"
        "// generated from the same statements. Change both together.\n"
    ]
    if imports:
        parts.append("".join(f"{one}\n" for one in imports))
    parts += [f"{_row_alias(row, columns)}\n" for row, columns in methods.rows.items()]
    if any(plan.mode == "changes" for plan in methods.plans):
        parts.append(f"{_CHANGES}\n")
    signatures = "\n".join(f"  {_signature(plan)};" for plan in methods.plans)
    parts.append(
        f"/** The methods of the orchestrator's entrypoint. */\nexport interface {interface} {{\n{signatures}\n}}\n"
    )
    parts += [f"{one}\n" for one in environment]
    return "\n".join(parts)


def _row_alias(name: str, columns: tuple[tuple[str, str], ...]) -> str:
    members = "\n".join(f"  {key}: {text};" for key, text in columns)
    return f"export type {name} = {{\n{members}\n}};"


def _signature(plan: MethodPlan) -> str:
    generic = f"<{plan.generic} = {plan.row}>" if plan.generic is not None else ""
    parameters = [f"{name}: {text}" for name, text in plan.typed_parameters()]
    line = f"{plan.name}{generic}({', '.join(parameters)}): Promise<{plan.returns}>"
    if len(line) <= _LINE:
        return line
    inner = "".join(f"    {one},\n" for one in parameters)
    return f"{plan.name}{generic}(\n{inner}  ): Promise<{plan.returns}>"


def _method(plan: MethodPlan, database: str) -> str:
    head = f"  async {_signature(plan)} {{\n"
    if plan.operation.body is not None:
        return head + _transaction_code(plan, plan.operation.body, database) + "  }"
    return head + "".join(f"{_cut(f'    {line}')}\n" for line in _code(plan, database)) + "  }"


_CUT = "\x01"
"""Where a chain of calls may be cut into lines."""


def _cut(line: str) -> str:
    """Return a line as it is, or cut before each call of its chain where it is too long."""
    whole = line.replace(_CUT, "")
    if len(whole) <= _LINE or "\n" in whole:
        return whole
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return line.replace(_CUT, f"\n{indent}")


def _prepared(plan: MethodPlan, index: int, database: str) -> str:
    statement = plan.operation.statements[index]
    bind = _bind(plan, [plan.parameters[at] for at in plan.bindings[index]])
    return f"this.env.{database}{_CUT}.prepare({sql_literal(statement)}){bind}"


_UNDEFINED_IS_NULL = frozenset({"bun:sqlite", "better-sqlite3", "durable-object"})
_OR_NULL = """
/** D1 refuses `undefined`, which the worker's own database took for NULL. */
function orNull(...values: unknown[]): unknown[] {
  return values.map((value) => value ?? null);
}
"""


def _bind(plan: MethodPlan, values: Sequence[str]) -> str:
    if not values:
        return ""
    listed = ", ".join(values)
    return f"{_CUT}.bind(...orNull({listed}))" if plan.api in _UNDEFINED_IS_NULL else f"{_CUT}.bind({listed})"


def sql_literal(statement: BoundStatement, indent: str = "      ") -> str:
    """Return a statement as D1 takes it, as a TypeScript literal; one over several lines is indented as its code."""
    sql = numbered(statement.text.sql).strip()
    if "\n" not in sql:
        return template_literal(sql)
    if any(token.kind in {"string", "name"} and "\n" in token.text for token in tokens(sql)):
        return template_literal(sql)
    first, _, rest = sql.partition("\n")
    rest = textwrap.dedent(rest.expandtabs(2) if "\t" in rest else rest)
    lines = [first.rstrip(), *(line.rstrip() for line in rest.splitlines())]
    inner = "\n".join(f"{indent}{line}" if line else "" for line in lines)
    return template_literal(f"\n{inner}\n{indent[:-2]}")


def _code(plan: MethodPlan, database: str) -> list[str]:
    if plan.mode == "d1-batch":
        inner = [f"  {_prepared(plan, index, database)}," for index in range(len(plan.facts))]
        return [f"return await this.env.{database}.batch<Row>([", *inner, "]);"]
    if plan.mode == "d1-batch-each":
        names = ", ".join(plan.parameters)
        bound = ", ".join(plan.parameters[at] for at in plan.bindings[0])
        return [
            f"const statement = this.env.{database}.prepare({sql_literal(plan.operation.statements[0])});",
            f"return await this.env.{database}.batch<Row>(rows.map(([{names}]) => statement.bind({bound})));",
        ]
    if len(plan.facts) > 1:
        inner = [f"  {_prepared(plan, index, database)}," for index in range(len(plan.facts))]
        batch = [f"await this.env.{database}.batch([", *inner, "]);"]
        return [*batch, f"return {{ count: {len(plan.facts)}, duration: 0 }};"] if plan.mode == "d1-exec" else batch
    statement = _prepared(plan, 0, database)
    return _chained(plan, statement)


def _chained(plan: MethodPlan, statement: str) -> list[str]:
    blobs = _blob_columns(plan)
    if blobs:
        return _with_bytes(plan, statement, blobs)
    match plan.mode:
        case "d1-all":
            return [f"return await {statement}{_CUT}.all<Row>();"]
        case "d1-first" | "row-or-null":
            return [f"return await {statement}{_CUT}.first<Row>();"]
        case "d1-column":
            return [f"return await {statement}{_CUT}.first<Value>({template_literal(plan.operation.column or '')});"]
        case "d1-run":
            return [f"return await {statement}{_CUT}.run<Row>();"]
        case "d1-raw" | "values":
            return [f"return await {statement}{_CUT}.raw<Row>();"]
        case "d1-exec":
            return [
                f"const {{ meta }} = await {statement}{_CUT}.run();",
                "return { count: 1, duration: meta.duration };",
            ]
        case "rows":
            return [f"const {{ results }} = await {statement}{_CUT}.all<Row>();", "return results;"]
        case "row-or-undefined":
            return [f"const row = await {statement}{_CUT}.first<Row>();", "return row ?? undefined;"]
        case "one-row":
            return [f"const {{ results }} = await {statement}{_CUT}.all<Row>();", *_ONE]
        case "first-values":
            return [f"const rows = await {statement}{_CUT}.raw<Row>();", "return rows[0];"]
        case "plucked":
            return [f"const rows = await {statement}{_CUT}.raw<[Value]>();", "return rows.map(([value]) => value);"]
        case "plucked-one":
            return [f"const rows = await {statement}{_CUT}.raw<[Value]>();", "return rows[0]?.[0];"]
        case "changes":
            return [
                f"const {{ meta }} = await {statement}{_CUT}.run();",
                "return { changes: meta.changes, lastInsertRowid: meta.last_row_id };",
            ]
        case "rows-written":
            return [f"const {{ meta }} = await {statement}{_CUT}.run();", "return meta.rows_written;"]
        case _:
            return [f"await {statement}{_CUT}.run();"]


_ONE = (
    "const [row] = results;",
    "if (row === undefined || results.length > 1) {",
    "  const found = row === undefined ? 'no results' : 'multiple results';",
    "  throw new Error(`Expected exactly one result from SQL query, but got ${found}.`);",
    "}",
    "return row;",
)
"""What a Durable Object's `one()` does, with its message."""


def _blob_columns(plan: MethodPlan) -> list[str]:
    """Return the columns that must be turned back into bytes: all but D1's own callers know them as bytes."""
    if plan.api == "d1" or plan.mode not in {"rows", "row-or-null", "row-or-undefined", "one-row"}:
        return []
    columns = plan.facts[0].columns or ()
    return [column.name for column in columns if column.storage == "blob"]


def _with_bytes(plan: MethodPlan, statement: str, blobs: list[str]) -> list[str]:
    names = f"[{', '.join(template_literal(name) for name in blobs)}]"
    record = "<Record<string, unknown>>"
    if plan.mode in {"row-or-null", "row-or-undefined"}:
        nothing = "null" if plan.mode == "row-or-null" else "undefined"
        return [
            f"const row = await {statement}{_CUT}.first{record}();",
            f"return row === null ? {nothing} : withBytes<Row>(row, {names});",
        ]
    first = f"const {{ results }} = await {statement}{_CUT}.all{record}();"
    if plan.mode == "rows":
        return [first, f"return results.map((row) => withBytes<Row>(row, {names}));"]
    return [first, *_ONE[:-1], f"return withBytes<Row>(row, {names});"]


def _transaction_code(plan: MethodPlan, body: TransactionBody, database: str) -> str:
    text = ""
    for part in body.parts:
        if isinstance(part, str):
            text += part
            continue
        statement = plan.operation.statements[part]
        bind = _bind(plan, ["".join(str(piece) for piece in value) for value in statement.values])
        prepared = f"this.env.{database}{_CUT}.prepare({sql_literal(statement)}){bind}"
        start = f"const at{part} = batch.push(" if part in body.kept else "batch.push("
        end = ") - 1" if part in body.kept else ")"
        text += f"{start}{_CUT}{prepared}{_CUT}{end}"
    lines = [_cut_push(line) for line in textwrap.dedent(text.replace("\r\n", "\n").strip("\n")).rstrip().splitlines()]
    if len(lines) == 1 and not lines[0].rstrip().endswith((";", "}")):
        lines[0] += ";"
    run = ["if (batch.length > 0) {", f"  await this.env.{database}.batch(batch);", "}"]
    if body.kept:
        run = [f"const results = await this.env.{database}.batch<Record<string, unknown>>(batch);"]
    after = textwrap.dedent(body.after.replace("\r\n", "\n").strip("\n")).rstrip().splitlines()
    whole = ["const batch: D1PreparedStatement[] = [];", *lines, *run, *after]
    return "".join(f"    {line.rstrip()}\n" if line.strip() else "\n" for one in whole for line in one.split("\n"))


def _cut_push(line: str) -> str:
    """Return a line of a transaction; a long ``batch.push(…)`` with its statement on lines of its own."""
    whole = line.replace(_CUT, "")
    parts = line.split(_CUT)
    if len(whole) <= _LINE - 4 or len(parts) < 4:
        return whole
    indent = " " * (len(line) - len(line.lstrip()))
    chain = f"\n{indent}    ".join(parts[1:-1])
    return f"{parts[0]}\n{indent}  {chain},\n{indent}{parts[-1]}"
