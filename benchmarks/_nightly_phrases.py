"""What fails in the synthetic nights: texts in the tools' public formats, with what stays and what varies in them.

``[[name]]`` is filled once for each problem, from the values beside the phrase; ``{field}`` anew every night. `SEEN` is
the half that the rules were tried on; `HELD_OUT` was written after them, and is only measured.
"""

# ruff: noqa: E501 (texts of tools, as long as they are)

from dataclasses import dataclass

Values = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Phrase:
    """One form of failure. The n-th problem of it takes the n-th of each of the `values`.

    `step` is the command of a build's step; None: it is a worker's line.
    """

    text: str
    values: Values
    step: str | None = None


_MODULES = ("cart", "order", "stock", "price", "coupon", "refund", "basket", "invoice")
_FUNCTIONS = ("total", "reserve", "apply", "settle", "merge", "charge", "allocate", "render")
_SERVICES = ("redis", "postgres", "payments", "inventory", "mailer", "search", "ledger", "gateway")
_FIELDS = ("id", "name", "email", "price", "quantity", "currency", "street", "country")

SEEN: tuple[Phrase, ...] = (
    Phrase(
        "=================================== FAILURES ===================================\n"
        "_________________________________ test_[[function]] _________________________________\n\n"
        "    def test_[[function]]():\n>       assert [[function]](cart) == {n}\n"
        "E       AssertionError: assert {n} == {n}\nE        +  where {n} = [[function]](<Cart object at {addr}>)\n\n"
        "tests/test_[[module]].py:{line}: AssertionError\n"
        "=========================== short test summary info ============================\n"
        "FAILED tests/test_[[module]].py::test_[[function]] - AssertionError: assert {n} == {n}\n"
        "========================= 1 failed, {small} passed in {secs}s =========================",
        {"module": _MODULES, "function": _FUNCTIONS},
        "pytest",
    ),
    Phrase(
        "=================================== FAILURES ===================================\n"
        "___________________________ test_[[function]]_[[module]][{same_small}-{same_user}] ___________________________\n\n"
        "    def test_[[function]]_[[module]](size, who):\n>       result = [[function]](size)\n\n"
        "tests/test_[[module]].py:{line}: \n_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _\n\n"
        "    def [[function]](size):\n>       return rows[size][\"[[field]]\"]\n"
        "E       KeyError: '[[field]]'\n\n{root}src/shop/[[module]].py:{line}: KeyError\n"
        "=========================== short test summary info ============================\n"
        "FAILED tests/test_[[module]].py::test_[[function]]_[[module]][{same_small}-{same_user}] - KeyError: '[[field]]'\n"
        "========================= 1 failed, {small} passed in {secs}s =========================",
        {"module": _MODULES, "function": _FUNCTIONS, "field": _FIELDS},
        "pytest -n 4",
    ),
    Phrase(
        "FAIL test/[[module]].test.ts ({secs} s)\n  ● [[module]] › [[function]]s what was ordered\n\n"
        "    expect(received).toBe(expected) // Object.is equality\n\n    Expected: {n}\n    Received: {n}\n\n"
        "      {line} |   const result = [[function]](items)\n    > {line} |   expect(result).toBe(42)\n"
        "         |                  ^\n\n      at Object.<anonymous> (test/[[module]].test.ts:{line}:{small})\n\n"
        "Test Suites: 1 failed, {small} passed, {small} total\nTests:       1 failed, {n} passed, {n} total",
        {"module": _MODULES, "function": _FUNCTIONS},
        "npx jest",
    ),
    Phrase(
        "FAIL test/[[module]].test.ts\n  ● [[module]] › takes [[field]] from the session\n\n"
        "    TypeError: Cannot read properties of undefined (reading '[[field]]')\n\n"
        "      {line} |   export function [[function]](session) {{\n    > {line} |     return session.user.[[field]]\n"
        "         |                         ^\n\n      at [[function]] ({root}src/[[module]].ts:{line}:{small})\n"
        "      at Object.<anonymous> (test/[[module]].test.ts:{line}:{small})\n\nTests: 1 failed, {n} passed, {n} total",
        {"module": _MODULES, "function": _FUNCTIONS, "field": _FIELDS},
        "npx jest --ci",
    ),
    Phrase(
        "src/[[module]]/[[function]].ts({line},{small}): error TS2339: Property '[[field]]' does not exist on type "
        "'Session'.",
        {"module": _MODULES, "function": _FUNCTIONS, "field": _FIELDS},
        "npx tsc --noEmit",
    ),
    Phrase(
        "{root}src/[[module]]/[[function]].ts\n  {line}:{small}  error  '[[field]]' is assigned a value but never used  "
        "no-unused-vars\n\n✖ 1 problem (1 error, 0 warnings)",
        {"module": _MODULES, "function": _FUNCTIONS, "field": _FIELDS},
        "npx eslint .",
    ),
    Phrase(
        "--- FAIL: Test[[Function]] ({secs}s)\n    [[module]]_test.go:{line}: [[function]] took {n} items, want {n}\nFAIL\n"
        "FAIL\tshop.example/[[module]]\t{secs}s\nFAIL",
        {
            "module": _MODULES,
            "function": _FUNCTIONS,
            "Function": ("Total", "Reserve", "Apply", "Settle", "Merge", "Charge", "Allocate", "Render"),
        },
        "go test ./...",
    ),
    Phrase(
        "error[E0308]: mismatched types\n  --> src/[[module]].rs:{line}:{small}\n   |\n{line} |     let n: u32 = [[function]](x);\n"
        "   |                  ^^^^^ expected `u32`, found `i64`\n\nerror: could not compile `shop` (lib) due to 1 previous error",
        {"module": _MODULES, "function": _FUNCTIONS},
        "cargo build",
    ),
    Phrase(
        "npm error code ERESOLVE\nnpm error ERESOLVE unable to resolve dependency tree\nnpm error\n"
        "npm error While resolving: shop@{version}\nnpm error Found: [[package]]@{version}\nnpm error\n"
        'npm error Could not resolve dependency:\nnpm error peer [[package]]@"^16" from [[other]]@{version}\n'
        "npm error A complete log of this run can be found in: {root}_logs/{date}-debug-0.log",
        {"package": ("react", "vue", "webpack", "eslint"), "other": ("grid-kit", "form-kit", "chart-kit", "lint-kit")},
        "npm ci",
    ),
    Phrase(
        "ERROR: Could not find a version that satisfies the requirement [[package]]=={version} (from versions: none)\n"
        "ERROR: No matching distribution found for [[package]]=={version}",
        {"package": ("pydantic", "django", "numpy", "lxml", "pillow", "celery")},
        "pip install -r requirements.txt",
    ),
    Phrase(
        "fatal: unable to access 'https://[[host]]/acme/shop.git/': Could not resolve host: [[host]]",
        {"host": ("git.example", "mirror.example", "code.example", "vault.example")},
        "git fetch origin {sha}",
    ),
    Phrase(
        "{tmp}.sh: line {small}: [[tool]]: command not found\n##[error]Process completed with exit code 127.",
        {"tool": ("wrangler", "terraform", "kubectl", "poetry", "pnpm")},
        "./deploy.sh {short}",
    ),
    Phrase(
        "Error: deploy of {sha} to [[region]] failed: health check at http://{ip}:{port}/health timed out after {n} ms",
        {"region": ("frankfurt", "dublin", "oregon", "tokyo", "sydney")},
        "./deploy.sh {short}",
    ),
    Phrase(
        "TypeError: Cannot read properties of undefined (reading '[[field]]')\n"
        "    at [[function]] ({root}src/[[module]].ts:{line}:{small})\n    at handle ({root}src/index.ts:{line}:{small})",
        {"module": _MODULES, "function": _FUNCTIONS, "field": _FIELDS},
    ),
    Phrase(
        "Error: [[service]] answered with status 503 for request {id}\n"
        "    at [[function]] ({root}src/clients/[[service]].ts:{line}:{small})\n    at async handle (src/index.ts:{line}:{small})",
        {"service": _SERVICES, "function": _FUNCTIONS},
    ),
    Phrase("connect ECONNREFUSED {ip}:{port} ([[service]])", {"service": _SERVICES}),
    Phrase("cannot connect to [[service]] within {n} ms, giving up on job {id}", {"service": _SERVICES}),
    Phrase("order {id} of customer {id}: [[what]] after {secs}s", {"what": (
        "payment declined", "stock ran out", "address invalid", "voucher expired", "carrier refused", "invoice missing",
    )}),
    Phrase("user '{user}' is not allowed to [[verb]] {id}", {"verb": ("refund", "cancel", "export", "delete", "approve")}),
    Phrase("GET https://[[host]].example:{port}/v1/items/{id}?trace={hex} returned 500", {"host": _SERVICES}),
    Phrase("cache key [[service]]:{hex}:{n} expired at {clock}, {mb} lost", {"service": _SERVICES}),
    Phrase(
        "Traceback (most recent call last):\n  File \"{root}shop/[[module]].py\", line {line}, in [[function]]\n    raise ValueError(text)\n"
        "ValueError: bad value {n} for [[field]]",
        {"module": _MODULES, "function": _FUNCTIONS, "field": _FIELDS},
    ),
    Phrase("pod [[service]]-{pod} evicted from node ip-{ip}: low on memory", {"service": _SERVICES}),
    Phrase(
        'duplicate key value violates unique constraint "[[module]]_[[field]]_key": Key ([[field]])=({id}) already exists.',
        {"module": _MODULES, "field": _FIELDS},
    ),
    Phrase(
        " ERR_PNPM_FETCH_404  GET https://registry.example/@acme%2F[[part]]: Not Found - 404\n\n"
        "This error happened while installing a direct dependency of {root}app\n\n"
        "@acme/[[part]] is not in the npm registry, or you have no permission to fetch it.",
        {"part": _MODULES},
        "pnpm install",
    ),
)  # fmt: skip

_PARTS = ("ledger", "planner", "router", "scheduler", "indexer", "exporter", "importer", "notifier")
_ACTS = ("flush", "balance", "dispatch", "compact", "verify", "rotate", "publish", "prune")
_STORES = ("sessions", "tokens", "tariffs", "shipments", "vehicles", "drivers", "zones", "depots")
_NOUNS = ("tariff", "vehicle", "driver", "zone", "depot", "shipment", "parcel", "route")

HELD_OUT: tuple[Phrase, ...] = (
    Phrase(
        "======================================================================\n"
        "FAIL: test_[[act]] (tests.test_[[part]].[[part]]Test.test_[[act]])\n"
        "----------------------------------------------------------------------\nTraceback (most recent call last):\n"
        '  File "{root}tests/test_[[part]].py", line {line}, in test_[[act]]\n    self.assertEqual(left, right)\n'
        "AssertionError: {n} != {n}\n\n----------------------------------------------------------------------\n"
        "Ran {n} tests in {secs}s\n\nFAILED (failures=1)",
        {"part": _PARTS, "act": _ACTS},
        "python -m unittest",
    ),
    Phrase(
        " FAIL  test/[[part]].spec.ts > [[part]] > can [[act]] {small} at a time\n"
        "AssertionError: expected {n} to be {n} // Object.is equality\n\n- Expected\n+ Received\n\n- {n}\n+ {n}\n\n"
        " ❯ test/[[part]].spec.ts:{line}:{small}\n     {line}|   const left = [[act]](queue)\n"
        "     {line}|   expect(left).toBe(0)\n       |                ^\n\n"
        " Test Files  1 failed | {small} passed ({small})\n      Tests  1 failed | {n} passed ({n})\n   Duration  {secs}s",
        {"part": _PARTS, "act": _ACTS},
        "npx vitest run",
    ),
    Phrase(
        "  {small} passing ({n}ms)\n  1 failing\n\n  1) [[part]]\n       should [[act]] what is due:\n"
        '     Error: Timeout of {n}ms exceeded. For async tests and hooks, ensure "done()" is called; '
        "if returning a Promise, ensure it resolves. ({root}test/[[part]].js)\n"
        "      at listOnTimeout (node:internal/timers:{line}:{small})\n"
        "      at process.processTimers (node:internal/timers:{line}:{small})",
        {"part": _PARTS, "act": _ACTS},
        "npx mocha",
    ),
    Phrase(
        'fleet/[[part]].py:{line}: error: Argument {small} to "[[act]]" has incompatible type "str"; expected "int"  '
        "[arg-type]\nFound 1 error in 1 file (checked {small} source files)",
        {"part": _PARTS, "act": _ACTS},
        "mypy fleet",
    ),
    Phrase(
        "fleet/[[part]].py:{line}:{small}: F841 Local variable `[[noun]]` is assigned to but never used\nFound 1 error.",
        {"part": _PARTS, "noun": _NOUNS},
        "ruff check --output-format concise .",
    ),
    Phrase(
        "cc -O2 -Wall -c src/[[part]].c -o build/[[part]].o\nsrc/[[part]].c: In function ‘[[act]]’:\n"
        "src/[[part]].c:{line}:{small}: error: ‘[[noun]]’ undeclared (first use in this function)\n"
        "  {line} |     return [[noun]] + 1;\n      |            ^~~~~~\nmake: *** [Makefile:{small}: build/[[part]].o] Error 1",
        {"part": _PARTS, "act": _ACTS, "noun": _NOUNS},
        "make",
    ),
    Phrase(
        "[INFO] -------------------------------------------------------------\n[ERROR] COMPILATION ERROR :\n"
        "[INFO] -------------------------------------------------------------\n"
        "[ERROR] {root}src/main/java/fleet/[[part]].java:[{line},{small}] cannot find symbol\n"
        "  symbol:   method [[act]](long)\n  location: class fleet.[[part]]\n[INFO] 1 error\n[INFO] BUILD FAILURE\n"
        "[INFO] Total time:  {secs} s\n[INFO] Finished at: {date}",
        {"part": _PARTS, "act": _ACTS},
        "mvn -B verify",
    ),
    Phrase(
        "#{small} [build {small}/{small}] COPY [[store]].json ./\n#{small} ERROR: failed to calculate checksum of ref "
        '{uuid}::{short}: "/[[store]].json": not found\n------\n > [build {small}/{small}] COPY [[store]].json ./:\n------\n'
        "Dockerfile:{small}\n--------------------\n  {small} | >>> COPY [[store]].json ./\n--------------------\n"
        "ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref {uuid}::{short}: "
        '"/[[store]].json": not found',
        {"store": _STORES},
        "docker build -t fleet:{short} .",
    ),
    Phrase(
        "--- FAIL: Test[[Act]]All ({secs}s)\npanic: runtime error: index out of range [{small}] with length {small} [recovered]\n\n"
        "goroutine {n} [running]:\ntesting.tRunner.func1.2({addr}, {addr})\n"
        "\t/usr/local/go/src/testing/testing.go:{line} +{addr}\n"
        "fleet.example/[[part]].[[Act]]({addr}, {small})\n\t{root}[[part]]/[[part]].go:{line} +{addr}\n"
        "fleet.example/[[part]].Test[[Act]]All({addr})\n\t{root}[[part]]/[[part]]_test.go:{line} +{addr}\n"
        "FAIL\tfleet.example/[[part]]\t{secs}s",
        {
            "part": _PARTS,
            "Act": ("Flush", "Balance", "Dispatch", "Compact", "Verify", "Rotate", "Publish", "Prune"),
        },
        "go test ./...",
    ),
    Phrase(
        "error[E0425]: cannot find value `[[noun]]` in this scope\n  --> src/[[part]].rs:{line}:{small}\n   |\n"
        "{line} |     [[noun]].len()\n   |     ^^^^^^ not found in this scope\n\n"
        'error: could not compile `fleet` (bin "fleet") due to 1 previous error',
        {"part": _PARTS, "noun": _NOUNS},
        "cargo test",
    ),
    Phrase(
        "ERROR: failed to build wheel for [[part]]-native\n  error: subprocess-exited-with-error\n"
        "  × Building wheel for [[part]]-native (pyproject.toml) did not run successfully.\n  │ exit code: 1\n"
        "  ╰─> [{small} lines of output]\n      fatal error: [[part]].h: No such file or directory\n      [end of output]\n"
        "ERROR: Failed building wheel for [[part]]-native\nERROR: Could not build wheels for [[part]]-native",
        {"part": _PARTS},
        "pip install .",
    ),
    Phrase(
        "Error: secret FLEET_[[STORE]]_TOKEN is empty: set it in the settings of the repository (checked at {date}, run {n})",
        {"STORE": tuple(one.upper() for one in _STORES)},
        "./release.sh {version}",
    ),
    Phrase(
        "ERROR collecting tests/test_[[part]].py\nImportError while importing test module "
        "'{root}tests/test_[[part]].py'.\nHint: make sure your test modules/packages have valid Python names.\nTraceback:\n"
        "/usr/lib/python3.11/importlib/__init__.py:{line}: in import_module\n"
        "    return _bootstrap._gcd_import(name[level:], package, level)\ntests/test_[[part]].py:{small}: in <module>\n"
        "    from fleet.[[part]] import [[act]]\nE   ImportError: cannot import name '[[act]]' from 'fleet.[[part]]'\n"
        "=========================== short test summary info ============================\n"
        "ERROR tests/test_[[part]].py\n!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!",
        {"part": _PARTS, "act": _ACTS},
        "pytest -q",
    ),
    Phrase(
        "{tmp}.sh: line {small}: {n} Killed                  ./tools/[[act]].sh --all",
        {"act": _ACTS},
        "make nightly",
    ),
    Phrase(
        "Error: creating the [[store]] bucket (fleet-[[store]]): operation error: https response error StatusCode: 403, "
        "RequestID: {hex}, HostID: {hex}, api error AccessDenied: Access Denied\n\n  with module.[[store]],\n"
        "  on modules/[[store]]/main.tf line {small}",
        {"store": _STORES},
        "terraform apply -auto-approve",
    ),
    Phrase(
        "{date} [[part]]: shard {small} lags behind by {n} messages, offset {n} of {n}",
        {"part": _PARTS},
    ),
    Phrase(
        "RangeError: Invalid time value\n    at Date.toISOString (<anonymous>)\n"
        "    at [[act]] (file://{root}dist/[[part]].js:{line}:{small})\n    at process (file://{root}dist/worker.js:{line}:{small})",
        {"act": _ACTS, "part": _PARTS},
    ),
    Phrase(
        "java.lang.IllegalStateException: [[noun]] {id} is closed\n\tat fleet.[[part]].[[act]]([[part]].java:{line})\n"
        "\tat fleet.Worker.run(Worker.java:{line})\n\tat java.base/java.lang.Thread.run(Thread.java:{line})",
        {"noun": _NOUNS, "part": _PARTS, "act": _ACTS},
    ),
    Phrase(
        'Traceback (most recent call last):\n  File "/app/fleet/worker.py", line {line}, in run\n    job()\n'
        '  File "/app/fleet/[[part]].py", line {line}, in [[act]]\n    raise RuntimeError(text)\n'
        "RuntimeError: cannot [[act]] the [[noun]] {id} after {small} tries",
        {"noun": _NOUNS, "part": _PARTS, "act": _ACTS},
    ),
    Phrase(
        'relation "[[store]]" does not exist at character {small} (SQLSTATE 42P01), connection {ip}:{port}, pid {n}',
        {"store": _STORES},
    ),
    Phrase(
        "TLS handshake with [[part]].fleet.example:{port} failed: certificate expired on {date}",
        {"part": _PARTS},
    ),
    Phrase(
        "POST /hooks/[[noun]]/{id} -> 502 Bad Gateway in {secs} ms (attempt {small}/{small}, ray {hex})",
        {"noun": _NOUNS},
    ),
    Phrase(
        "failed to [[act]] [[noun]]: context deadline exceeded (trace_id={hex} span_id={hex} elapsed={secs}s)",
        {"act": _ACTS, "noun": _NOUNS},
    ),
    Phrase(
        "container [[part]]-{pod} exceeded its memory limit: {mb} of {mb} used, restarted {small} times",
        {"part": _PARTS},
    ),
    Phrase(
        '{{"event": "[[noun]].rejected", "reason": "[[reason]]", "id": "{id}", "size": {n}, "at": "{date}"}}',
        {
            "noun": _NOUNS,
            "reason": (
                "too large",
                "bad checksum",
                "no such zone",
                "duplicate",
                "expired",
                "unsigned",
                "empty",
                "locked",
            ),
        },
    ),
    Phrase(
        "lock on [[store]] held by session {id} since {clock}, waited {n}ms for {tmp}/[[store]].lock",
        {"store": _STORES},
    ),
)

NAMED: tuple[Phrase, ...] = (
    Phrase("could not notify {user} of the [[event]] of order {id}", {"event": ("arrival", "delay", "refund", "return")}),
    Phrase("mail for {user} bounced: [[why]]", {"why": ("mailbox full", "no such address", "refused as spam")}),
)  # fmt: skip

ONE_SPOT: tuple[Phrase, ...] = (
    Phrase(
        "ValueError: [[field]] must not be empty\nTraceback (most recent call last):\n"
        '  File "/app/shop/checks.py", line {line}, in validate\n    raise ValueError(text)\n'
        "ValueError: [[field]] must not be empty",
        {"field": _FIELDS},
    ),
    Phrase(
        "src/session.ts({line},{small}): error TS2339: Property '[[field]]' does not exist on type 'Session'.",
        {"field": _FIELDS[:4]},
        "npx tsc --noEmit",
    ),
)
