"""Package managers, build tools and images: a refused installation is one failure, whatever wraps it."""

import pytest


def test_an_installation_that_npm_refuses_is_one_failure_without_its_log_file(explain):
    (failure,) = explain("""\
        npm warn deprecated inflight@1.0.6: This module is not supported
        npm error code ERESOLVE
        npm error ERESOLVE unable to resolve dependency tree
        npm error
        npm error While resolving: shop@1.0.0
        npm error Found: react@16.0.0
        npm error
        npm error Could not resolve dependency:
        npm error peer react@"^18.0.0" from react-dom@18.0.0
        npm error A complete log of this run can be found in: /home/ci/.npm/_logs/x-debug-0.log
        ##[error]Process completed with exit code 1.
        """)

    assert (failure.tool, failure.rule) == ("npm", "ERESOLVE")
    assert failure.headline == "ERESOLVE unable to resolve dependency tree: react-dom wants react"
    assert "complete log" not in failure.text


def test_a_lifecycle_error_belongs_to_what_failed_in_the_script(explain):
    (failure,) = explain("""\
        ##[group]Run npm run build
        npm run build
        shell: /usr/bin/bash -e {0}
        ##[endgroup]

        > shop@1.0.0 build
        > tsc -p .

        src/a.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.
        npm error Lifecycle script `build` failed with error:
        npm error code 2
        npm error path /home/runner/_work/shop/shop
        ##[error]Process completed with exit code 2.
        """)

    assert (failure.tool, failure.command, failure.exit_code) == ("tsc", "npm run build", 2)
    assert len(failure.lines) == 1


@pytest.mark.parametrize(
    ("text", "tool", "headline"),
    [
        (
            " ERR_PNPM_OUTDATED_LOCKFILE  Cannot install so\n\n    Failure reason:\n    specifiers differ\n",
            "pnpm",
            "ERR_PNPM_OUTDATED_LOCKFILE: Cannot install so",
        ),
        (
            'yarn install v1.22.22\n[1/4] Resolving packages...\nerror Couldn\'t find any versions for "left"\n',
            "yarn",
            'Couldn\'t find any versions for "left"',
        ),
        (
            "  × No solution found when resolving dependencies:\n  ╰─▶ Because a==1 depends on b<2, they conflict.\n",
            "uv",
            "No solution found when resolving dependencies: Because a==1 depends on b<2, they conflict.",
        ),
        (
            "Updating dependencies\nBecause shop depends on a (^9) which matches nothing, version solving failed.\n",
            "poetry",
            "Because shop depends on a (^9) which matches nothing, version solving failed.",
        ),
    ],
)
def test_other_package_managers_tell_their_reasons(explain, text, tool, headline):
    (failure,) = explain(text)

    assert (failure.tool, failure.headline) == (tool, headline)


def test_a_conflict_of_pip_is_told_with_its_explanation(explain):
    (failure,) = explain("""\
        Collecting requests==2.32.0
        ERROR: Cannot install requests==2.31.0 and requests==2.32.0 because these conflict.

        The conflict is caused by:
            The user requested requests==2.32.0
            The user requested requests==2.31.0

        ERROR: ResolutionImpossible: for help visit https://pip.example/resolution
        """)

    assert failure.headline.startswith("Cannot install requests==2.31.0")
    assert "The conflict is caused by:" in failure.text


def test_a_wheel_that_cannot_be_built_is_told_by_its_last_words(explain):
    (failure,) = explain("""\
        Processing ./shop
          error: subprocess-exited-with-error

          × Getting requirements to build wheel did not run successfully.
          │ exit code: 1
          ╰─> [3 lines of output]
              Traceback (most recent call last):
                File "<string>", line 1, in <module>
              RuntimeError: needs libfoo-dev
              [end of output]

          note: This error originates from a subprocess, and is likely not a problem with pip.
        error: subprocess-exited-with-error
        """)

    assert failure.tool == "pip"
    assert "RuntimeError: needs libfoo-dev" in failure.headline


IMAGE = """\
    ##[group]Run docker build .
    docker build .
    shell: /usr/bin/bash -e {0}
    ##[endgroup]
    #9 [4/6] RUN npm ci
    #9 1.234 npm warn deprecated inflight@1.0.6: This module is not supported
    #9 4.567 npm error code E404
    #9 4.568 npm error 404 Not Found - GET https://registry.example/@acme%2fui - Not found
    #9 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1
    ------
     > [4/6] RUN npm ci:
    4.567 npm error code E404
    4.568 npm error 404 Not Found - GET https://registry.example/@acme%2fui - Not found
    ------
    Dockerfile:12
    --------------------
      11 |     COPY package.json ./
      12 | >>> RUN npm ci
      13 |     COPY . .
    --------------------
    ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1
    ##[error]Process completed with exit code 1.
    """


def test_what_failed_inside_an_image_is_the_failure_and_its_build_only_wraps_it(explain):
    (failure,) = explain(IMAGE)

    assert (failure.tool, failure.rule) == ("npm", "E404")
    assert (failure.exit_code, failure.command) == (1, "docker build .")
    assert "Dockerfile:12" in map(str, failure.anchors)


def test_an_instruction_that_fails_by_itself_is_dockers_failure(explain):
    (failure,) = explain("""\
        #7 [3/5] COPY requirements.lock ./
        #7 ERROR: failed to calculate checksum of ref 8d: "/requirements.lock": not found
        ------
         > [3/5] COPY requirements.lock ./:
        ------
        Dockerfile:7
        --------------------
           7 | >>> COPY requirements.lock ./
        --------------------
        ERROR: failed to solve: failed to compute cache key: "/requirements.lock": not found
        """)

    assert (failure.tool, [str(a) for a in failure.anchors]) == ("docker", ["Dockerfile:7"])


def test_maven_and_gradle_tests_are_told_by_their_exceptions(explain):
    (maven,) = explain("""\
        [ERROR] Tests run: 3, Failures: 1, Errors: 0, Time elapsed: 0.05 s <<< FAILURE! -- in CartTest
        [ERROR] com.acme.CartTest.addsUp -- Time elapsed: 0.012 s <<< FAILURE!
        org.opentest4j.AssertionFailedError: expected: <5> but was: <4>
        \tat org.junit.jupiter.api.Assertions.assertEquals(Assertions.java:531)
        \tat com.acme.CartTest.addsUp(CartTest.java:14)

        [ERROR] Failures:
        [ERROR]   CartTest.addsUp:14 expected: <5> but was: <4>
        [ERROR] Failed to execute goal surefire:3.2.5:test on project shop: There are test failures.
        """)
    (gradle,) = explain("""\
        > Task :test FAILED

        CartTest > addsUp() FAILED
            org.opentest4j.AssertionFailedError: expected: <5> but was: <4>
                at app//com.acme.CartTest.addsUp(CartTest.java:14)

        FAILURE: Build failed with an exception.

        * What went wrong:
        Execution failed for task ':test'.
        > There were failing tests. See the report at: file:///srv/report

        BUILD FAILED in 24s
        """)

    assert (maven.test, maven.exception) == ("com.acme.CartTest.addsUp", "org.opentest4j.AssertionFailedError")
    assert [str(anchor) for anchor in maven.anchors] == ["com/acme/CartTest.java:14"]
    assert (gradle.tool, gradle.test) == ("gradle test", "CartTest > addsUp()")


def test_go_tests_are_told_by_the_innermost_subtest(explain):
    (failure,) = explain("""\
        === RUN   TestTotal
        === RUN   TestTotal/two_items
            cart_test.go:31:
                \tError Trace:\t/srv/shop/cart_test.go:31
                \tError:      \tNot equal:
                \t            \texpected: 5
                \t            \tactual  : 4
        --- FAIL: TestTotal (0.00s)
            --- PASS: TestTotal/empty (0.00s)
            --- FAIL: TestTotal/two_items (0.00s)
        FAIL
        FAIL\texample.com/shop/cart\t0.012s
        """)

    assert failure.test == "TestTotal/two_items"
    assert failure.headline == "Not equal: expected: 5 actual  : 4"
    assert [str(anchor) for anchor in failure.anchors] == ["cart_test.go:31"]


def test_a_panic_in_a_go_test_is_one_failure_with_its_own_frames(explain):
    (failure,) = explain("""\
        === RUN   TestDispatch
        --- FAIL: TestDispatch (0.00s)
        panic: assignment to entry in nil map [recovered]
        \tpanic: assignment to entry in nil map

        goroutine 23 [running]:
        testing.tRunner.func1.2({0x5d1a40, 0x6c2f10})
        \t/opt/hostedtoolcache/go/1.23.4/x64/src/testing/testing.go:1632 +0x230
        example.com/relay/queue.(*Dispatcher).Add(0x60, {0x61, 0x5})
        \t/home/runner/_work/relay/relay/queue/dispatch.go:28 +0x85
        exit status 2
        FAIL\texample.com/relay/queue\t0.020s
        """)

    assert (failure.test, failure.headline) == ("TestDispatch", "assignment to entry in nil map")
    assert failure.top_frame is not None
    assert failure.top_frame.function == "example.com/relay/queue.(*Dispatcher).Add"
