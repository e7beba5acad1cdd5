"""Programs of C, C++, Rust and Go: sanitizers' reports, CTest, data races, backtraces."""

import pytest

ASAN = """\
=================================================================
==13077==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000020 at pc 0x55cd692b71c0
READ of size 4 at 0x602000000020 thread T0
    #0 0x55cd692b71bf in total(int*) /srv/cart.cpp:2
    #1 0x55cd692b71ea in main /srv/cart.cpp:3:9
    #2 0x7f8851e45249 in __libc_start_call_main ../sysdeps/nptl/libc_start_call_main.h:58

0x602000000020 is located 0 bytes to the right of 16-byte region
allocated by thread T0 here:
    #0 0x7f88520b9628 in operator new[](unsigned long) ../../../../src/libsanitizer/asan/asan_new_delete.cpp:98
    #1 0x55cd692b71da in main /srv/cart.cpp:3:9

SUMMARY: AddressSanitizer: heap-buffer-overflow /srv/cart.cpp:2 in total(int*)
Shadow bytes around the buggy address:
  0x0c047fff7fb0: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
=>0x0c047fff8000: fa fa 00 00[fa]fa fa fa fa fa fa fa fa fa fa fa
==13077==ABORTING
make: *** [Makefile:8: test] Error 1
"""


def test_an_address_sanitizers_report_is_told_by_its_summary_and_its_own_frames(explain):
    (failure,) = explain(ASAN)

    assert failure.headline == "AddressSanitizer: heap-buffer-overflow /srv/cart.cpp:2 in total(int*)"
    assert [str(anchor) for anchor in failure.anchors] == ["/srv/cart.cpp:2", "/srv/cart.cpp:3:9"]
    assert [line.number for line in failure.lines][:4] == [2, 3, 4, 5]
    assert "libsanitizer" not in failure.text
    assert "0x0c047fff7fb0" not in failure.text


@pytest.mark.parametrize(
    ("text", "headline", "exception"),
    [
        (
            "==1==ERROR: LeakSanitizer: detected memory leaks\n\nDirect leak of 40 byte(s) in 1 object(s) from:\n"
            "    #1 0x55e2 in make() /srv/leak.cpp:1\n\nSUMMARY: AddressSanitizer: 40 byte(s) leaked.\n",
            "LeakSanitizer: detected memory leaks",
            "detected-memory-leaks",
        ),
        (
            "WARNING: ThreadSanitizer: data race (pid=1)\n  Read of size 4 at 0x55 by thread T2:\n"
            "    #0 bump() /srv/race.cpp:2 (race+0x1245)\n\n"
            "SUMMARY: ThreadSanitizer: data race /srv/race.cpp:2 in bump()\n",
            "ThreadSanitizer: data race /srv/race.cpp:2 in bump()",
            "data-race",
        ),
        (
            "cart.cpp:2:28: runtime error: signed integer overflow: 1 + 2 cannot be represented in type 'int'\n",
            "runtime error: signed integer overflow: 1 + 2 cannot be represented in type 'int'",
            "undefined-behavior",
        ),
    ],
)
def test_other_sanitizers_tell_what_was_done_wrong(explain, text, headline, exception):
    (failure,) = explain(text)

    assert (failure.headline, failure.exception) == (headline, exception)
    assert failure.anchors


def test_each_test_of_ctest_is_a_failure_with_its_output(explain):
    first, second, third = explain("""\
        Test project /srv/build
            Start 1: cart_a
        1/3 Test #1: cart_a ...........................***Exception: SegFault  0.00 sec

            Start 2: cart_b
        2/3 Test #2: cart_b ...........................***Failed    0.00 sec
        wrong total

            Start 3: cart_c
        3/3 Test #3: cart_c ...........................***Timeout   1.01 sec

        0% tests passed, 3 tests failed out of 3

        The following tests FAILED:
        \t  1 - cart_a (SEGFAULT)
        \t  2 - cart_b (Failed)
        \t  3 - cart_c (Timeout)
        Errors while running CTest
        """)

    assert (first.headline, first.exception, first.test) == ("cart_a: SegFault", "SegFault", "cart_a")
    assert second.headline == "cart_b: Failed: wrong total"
    assert [line.number for line in second.lines] == [6, 7, 16]
    assert third.headline == "cart_c: Timeout"


def test_ctests_summary_alone_tells_the_failed_tests(explain):
    failures = explain(
        "The following tests FAILED:\n\t  1 - cart_a (SEGFAULT)\n\t  2 - cart_b (Failed)\nErrors while\n"
    )

    assert [failure.test for failure in failures] == ["cart_a", "cart_b"]


def test_a_data_race_of_go_is_one_failure_with_its_places_and_its_test(explain):
    (failure,) = explain("""\
        ==================
        WARNING: DATA RACE
        Write at 0x00c0000b4018 by goroutine 9:
          example.com/shop/cart.(*Cart).Add()
              /srv/shop/cart/cart.go:21 +0x44

        Previous write at 0x00c0000b4018 by goroutine 8:
          example.com/shop/cart.(*Cart).Add()
              /srv/shop/cart/cart.go:24 +0x5a

        Goroutine 9 (running) created at:
          testing.tRunner()
              /usr/local/go/src/testing/testing.go:1689 +0x21e
        ==================
        --- FAIL: TestCounter (0.01s)
            testing.go:1398: race detected during execution of test
        FAIL
        FAIL\texample.com/shop/cart\t0.031s
        """)

    assert failure.headline == "DATA RACE in example.com/shop/cart.(*Cart).Add"
    assert failure.test == "TestCounter"
    assert [str(anchor) for anchor in failure.anchors] == ["/srv/shop/cart/cart.go:21", "/srv/shop/cart/cart.go:24"]
    assert [line.number for line in failure.lines] == [2, 3, 4, 5, 7, 8, 9, 11, 15, 16]


def test_testify_is_told_by_its_error_without_the_difference(explain):
    (failure,) = explain("""\
        --- FAIL: TestTotal (0.00s)
            cart_test.go:22:
                \tError Trace:\t/srv/cart_test.go:22
                \tError:      \tNot equal:
                \t            \texpected: 5
                \t            \tactual  : 3
                \t            \t
                \t            \tDiff:
                \t            \t-5
                \t            \t+3
                \tTest:       \tTestTotal
        FAIL
        """)

    assert failure.headline == "Not equal: expected: 5 actual  : 3"


def test_a_backtrace_of_rust_is_told_with_the_names_of_its_own_functions(explain):
    (failure,) = explain("""\
             Running unittests src/lib.rs (target/debug/deps/cart-cc34d4ae7363b857)

        ---- tests::totals stdout ----

        thread 'tests::totals' (13504) panicked at src/lib.rs:1:31:
        index out of bounds: the len is 1 but the index is 7
        stack backtrace:
           0: core::panicking::panic_bounds_check
                     at /rustc/59807616e1fa/library/core/src/panicking.rs:271:5
           1: cart::total
                     at ./src/lib.rs:1:31
        note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
        """)

    assert [line.number for line in failure.lines] == [3, 5, 6, 10, 11]
    assert [str(anchor) for anchor in failure.anchors] == ["src/lib.rs:1:31"]


def test_an_error_of_valgrind_is_told_with_its_frames(explain):
    (failure,) = explain("""\
        ==123== Memcheck, a memory error detector
        ==123== Invalid read of size 4
        ==123==    at 0x109186: total (cart.c:2)
        ==123==    by 0x1091B0: main (cart.c:5)
        ==123==
        ==123== ERROR SUMMARY: 1 errors from 1 contexts (suppressed: 0 from 0)
        """)

    assert (failure.tool, failure.headline) == ("valgrind", "Invalid read of size 4")
    assert [str(anchor) for anchor in failure.anchors] == ["cart.c:2", "cart.c:5"]
