"""Jest, Vitest, Mocha, Playwright, node --test: one failure for each test."""

JEST = """\
    PASS src/errors.test.js
    FAIL src/cart.test.js
      ● Console

        console.error
          Warning: this is noise

          at Object.error (src/cart.test.js:5:34)

      ● cart › adds up

        expect(received).toBe(expected) // Object.is equality

        Expected: 4
        Received: 3

          1 | const { total } = require('./total')
          2 |
        > 3 | test('adds up', () => { expect(total([1, 2])).toBe(4) })
            |                                               ^
          4 |

          at Object.toBe (src/cart.test.js:3:47)
          at new Promise (<anonymous>)
          at run (node_modules/jest-circus/build/run.js:71:3)

      ● cart › throws

        TypeError: Cannot read properties of null (reading 'reduce')

          at total (src/total.js:1:28)
          at Object.<anonymous> (src/cart.test.js:5:55)

    Test Suites: 1 failed, 1 passed, 2 total
    Tests:       2 failed, 4 passed, 6 total
    """


def test_each_bullet_of_jest_is_one_failure_and_the_console_is_none(explain):
    first, second = explain(JEST)

    assert (first.tool, first.test) == ("jest", "src/cart.test.js › cart › adds up")
    assert first.headline == "expect(received).toBe(expected) // Object.is equality"
    assert {"Expected: 4", "Received: 3"} <= {line.text.strip() for line in first.lines}
    assert (second.exception, str(second.anchors[0])) == ("TypeError", "src/total.js:1:28")


def test_frames_of_dependencies_are_known_but_not_picked(explain):
    first, _ = explain(JEST)

    assert "node_modules" not in first.text
    assert any(not frame.is_ours for frame in first.frames)


def test_the_time_that_a_file_took_is_not_its_name(explain):
    first, _ = explain(JEST.replace("FAIL src/cart.test.js", "FAIL src/cart.test.js (77.35 s)"))

    assert first.test == "src/cart.test.js › cart › adds up"


def test_what_jest_repeats_in_its_summary_is_the_same_failure(explain):
    repeated = JEST.replace(
        "Test Suites:", "Summary of all failing tests\n" + JEST[JEST.index("    FAIL") :] + "Test Suites:", 1
    )

    assert len(explain(repeated)) == 2


def test_a_suite_that_cannot_run_is_one_failure(explain):
    (failure,) = explain("""\
        FAIL src/b.test.js
          ● Test suite failed to run

            Cannot find module './missing' from 'src/b.test.js'

            > 1 | const x = require('./missing')
                |           ^

              at Resolver._throwModNotFoundError (node_modules/jest-resolve/build/index.js:1031:11)
              at Object.require (src/b.test.js:1:11)

        Test Suites: 1 failed, 1 total
        """)

    assert (failure.test, failure.headline) == ("src/b.test.js", "Cannot find module './missing' from 'src/b.test.js'")


def test_vitest_names_the_test_its_error_and_its_place(explain):
    (failure,) = explain("""\
         ❯ test/cart.test.ts (2 tests | 1 failed) 9ms
           × cart > adds 7ms
           ✓ cart > ok 0ms

        ⎯⎯⎯⎯⎯⎯⎯ Failed Tests 1 ⎯⎯⎯⎯⎯⎯⎯

         FAIL  test/cart.test.ts > cart > adds
        AssertionError: expected 3 to be 4 // Object.is equality

        - Expected
        + Received

        - 4
        + 3

         ❯ test/cart.test.ts:2:63
              1| import { it, expect } from 'vitest'
              2| it('adds', () => { expect(total([1, 2])).toBe(4) })
               |                                          ^
        ⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯[1/1]⎯

         Test Files  1 failed (1)
        """)

    assert (failure.tool, failure.test) == ("vitest", "test/cart.test.ts > cart > adds")
    assert failure.exception == "AssertionError"
    assert str(failure.anchors[0]) == "test/cart.test.ts:2:63"


def test_mocha_lists_its_failures_after_their_count(explain):
    first, second = explain("""\
          cart
            1) adds
            ✔ raises an error for no items

          1 passing (28ms)
          2 failing

          1) cart
               adds:

              AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:

        1 !== 2

              + expected - actual

              -1
              +2

              at Context.<anonymous> (test/cart.js:2:45)
              at process.processImmediate (node:internal/timers:483:21)

          2) cart
               deep
                 is slow:
             Error: Timeout of 20ms exceeded. For async tests and hooks, ensure "done()" is called.
              at listOnTimeout (node:internal/timers:581:17)
        """)

    assert (first.test, first.exception, str(first.anchors[0])) == (
        "cart › adds",
        "AssertionError",
        "test/cart.js:2:45",
    )
    assert second.test == "cart › deep › is slow"
    assert second.headline.startswith("Error: Timeout of 20ms exceeded")


def test_playwright_joins_the_retries_of_a_test(explain):
    (failure,) = explain("""\
          1) [chromium] › tests/search.spec.ts:14:5 › search › finds by name ──────────────

            Error: Timed out 5000ms waiting for expect(locator).toHaveCount(expected)

            Expected: 3
            Received: 0

              15 |     await page.fill('lamp')
            > 16 |     await expect(page.items).toHaveCount(3)
                 |                              ^
                at tests/search.spec.ts:16:46

            Retry #1 ─────────────────────────────────────────────────────────────

            Error: Timed out 5000ms waiting for expect(locator).toHaveCount(expected)

                at tests/search.spec.ts:16:46

          1 failed
            [chromium] › tests/search.spec.ts:14:5 › search › finds by name
        """)

    assert failure.tool == "playwright"
    assert failure.test == "[chromium] › tests/search.spec.ts › search › finds by name"
    assert failure.headline.startswith("Error: Timed out 5000ms")


def test_a_suite_of_node_that_failed_by_its_subtest_is_no_failure(explain):
    (failure,) = explain("""\
        TAP version 13
        # Subtest: suite
            # Subtest: inner
            not ok 1 - inner
              ---
              location: '/srv/shop/a.test.js:2:97'
              failureType: 'testCodeFailure'
              error: "Cannot read properties of null (reading 'x')"
              name: 'TypeError'
              stack: |-
                TestContext.<anonymous> (/srv/shop/a.test.js:2:127)
                Test.run (node:internal/test_runner/test:796:25)
              ...
            1..1
        not ok 1 - suite
          ---
          failureType: 'subtestsFailed'
          error: '1 subtest failed'
          ...
        # fail 2
        """)

    assert (failure.test, failure.exception) == ("inner", "TypeError")
    assert [str(anchor) for anchor in failure.anchors] == ["/srv/shop/a.test.js:2:127"]
