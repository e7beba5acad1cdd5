"""Who must wait once a statement is a call: functions up to the public surface, and what cannot wait."""

import pytest

from tests.migration.refactor.workers import bun, code, refactor

COUNT = "db.query<{ n: number }, []>('SELECT COUNT(*) AS n FROM orders').get()!.n"
DB = "import { db } from './db';\n"


def unit(text: str, **others: str) -> dict[str, str]:
    """A unit whose src/work.ts is this text after the import of the database."""
    return {
        **bun("return 1;"),
        "src/work.ts": DB + code(text),
        **{f"src/{name}.ts": code(one) for name, one in others.items()},
    }


def after(text: str, path: str = "src/work.ts", **others: str) -> str:
    return refactor(unit(text, **others)).text(path).removeprefix(DB)


def test_callers_wait_up_to_the_exported_function() -> None:
    text = f"""
        const count = (): number => {COUNT};
        function twice(): number {{
          return count() * 2;
        }}
        export function report(): string {{
          return `${{twice()}} orders`;
        }}
        """

    assert after(text) == code(
        """
        const count = async (): Promise<number> => (await db.countOrders<{ n: number }>())!.n;
        async function twice(): Promise<number> {
          return await count() * 2;
        }
        export async function report(): Promise<string> {
          return `${await twice()} orders`;
        }
        """
    )


def test_a_public_signature_that_changes_is_reported() -> None:
    refactored = refactor(unit(f"export class Orders {{\n  count(): number {{\n    return {COUNT};\n  }}\n}}"))

    assert [(change.name, change.before, change.after) for change in refactored.result.public_changes] == [
        ("Orders.count", "count(): number", "async count(): Promise<number>")
    ]


def test_an_interface_follows_and_so_do_its_other_classes() -> None:
    text = f"""
        interface Counter {{
          count(): number;
        }}
        class Real implements Counter {{
          count(): number {{
            return {COUNT};
          }}
        }}
        class Fake implements Counter {{
          count(): number {{
            return 3;
          }}
        }}
        export function total(counter: Counter): number {{
          return counter.count() + new Fake().count() + new Real().count();
        }}
        """
    found = after(text)

    assert "  count(): Promise<number>;" in found
    assert found.count("async count(): Promise<number> {") == 2
    assert "return await counter.count() + await new Fake().count() + await new Real().count();" in found


def test_a_function_type_that_admits_promises_stays() -> None:
    text = f"""
        type Handler = (name: string) => number | Promise<number>;
        export const count: Handler = () => {COUNT};
        """

    assert after(text) == code(
        """
        type Handler = (name: string) => number | Promise<number>;
        export const count: Handler = async () => (await db.countOrders<{ n: number }>())!.n;
        """
    )


def test_a_function_type_that_does_not_becomes_promised() -> None:
    text = f"""
        type Handler = () => number;
        const handlers: Record<string, Handler> = {{ count: () => {COUNT} }};
        export function run(handler: Handler): number {{
          return handler() + Object.keys(handlers).length;
        }}
        """
    found = after(text)

    assert "type Handler = () => Promise<number>;" in found
    assert "return await handler() + Object.keys(handlers).length;" in found


def test_callers_in_other_files_wait_too() -> None:
    found = after(
        f"export const count = (): number => {COUNT};",
        "src/page.ts",
        page="""
        import * as work from './work';
        export const page = (): string => `<b>${work.count()}</b>`;
        """,
    )

    assert found == code(
        """
        import * as work from './work';
        export const page = async (): Promise<string> => `<b>${await work.count()}</b>`;
        """
    )


def test_methods_of_one_object_wait_for_each_other() -> None:
    text = f"""
        export const store = {{
          count(): number {{
            return {COUNT};
          }},
          twice(): number {{
            return this.count() + this.count();
          }},
        }};
        """

    assert "return await this.count() + await this.count();" in after(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"export class A {{\n  get n(): number {{\n    return {COUNT};\n  }}\n}}", "accessor n cannot wait"),
        (f"export class A {{\n  n: number;\n  constructor() {{\n    this.n = {COUNT};\n  }}\n}}", "constructor cannot"),
        (f"export class A {{\n  n = {COUNT};\n}}", "a class's field cannot wait"),
        (f"export const n = {COUNT};", "a module may not call a binding while it loads"),
        (f"export function* all() {{\n  yield {COUNT};\n}}", "a generator"),
        (f"export function f(n = {COUNT}) {{\n  return n;\n}}", "a parameter's default"),
        (f"export const f = (l: number[]) => l.filter((x) => x > {COUNT});", "the callback of .filter()"),
        (f"export const f = {{ toJSON: () => {COUNT} }};", "JavaScript calls toJSON() by itself"),
    ],
)
def test_what_cannot_wait_stays_and_is_told(text: str, reason: str) -> None:
    refactored = refactor(unit(text))

    assert refactored.result.is_empty
    assert any(reason in told for told in refactored.reasons), refactored.reasons


def test_a_call_that_may_mean_a_method_that_waits_now_is_listed() -> None:
    text = f"""
        export class Orders {{
          countOrders(): number {{
            return {COUNT};
          }}
        }}
        export function use(any: any) {{
          return any.orders.countOrders();
        }}
        """

    assert refactor(unit(text)).reasons == [
        "src/work.ts:8 whether this .countOrders() is the one that is now asynchronous cannot be told; "
        "await it if it is"
    ]
