"""pytest and unittest: one failure for each test, told by its last exception."""

PYTEST = """\
    ============================= test session starts ==============================
    collected 4 items

    tests/test_cart.py .F.E                                                  [100%]

    ==================================== ERRORS ====================================
    __________________________ ERROR at setup of test_stored ___________________________

        @pytest.fixture
        def db():
    >       raise ConnectionError("no database at 127.0.0.1:5432")
    E       ConnectionError: no database at 127.0.0.1:5432

    tests/conftest.py:11: ConnectionError
    =================================== FAILURES ===================================
    _________________________________ test_total[2] ________________________________

    count = 2

        def test_total(count):
            prices = [1, 2]
    >       assert total(prices) == 4, "the sum"
    E       AssertionError: the sum
    E       assert 3 == 4
    E        +  where 3 = total([1, 2])

    tests/test_cart.py:14: AssertionError
    ----------------------------- Captured stdout call -----------------------------
    error: this line was printed by the test and is no failure
    =========================== short test summary info ============================
    FAILED tests/test_cart.py::test_total[2] - AssertionError: the sum
    ERROR tests/test_cart.py::test_stored - ConnectionError: no database at 127.0.0.1...
    ==================== 1 failed, 2 passed, 1 error in 0.12s ======================
    ##[error]Process completed with exit code 1.
    """


def test_each_failed_test_and_fixture_is_one_failure(explain):
    fixture, test = explain(PYTEST)

    assert (test.tool, test.test, test.exception) == ("pytest", "tests/test_cart.py::test_total[2]", "AssertionError")
    assert test.headline == "AssertionError: the sum"
    assert [str(anchor) for anchor in test.anchors] == ["tests/test_cart.py:14"]
    assert (fixture.test, fixture.exception) == ("tests/test_cart.py::test_stored", "ConnectionError")


def test_the_assertion_is_picked_and_the_source_around_it_and_the_captured_output_are_not(explain):
    _, test = explain(PYTEST)

    picked = [line.text.strip() for line in test.lines]

    assert "E        +  where 3 = total([1, 2])" in picked
    assert '>       assert total(prices) == 4, "the sum"' in picked
    assert "prices = [1, 2]" not in picked
    assert not any("printed by the test" in text for text in picked)


def test_the_exit_code_belongs_to_the_failures_and_is_none_of_its_own(explain):
    assert [failure.exit_code for failure in explain(PYTEST)] == [1, 1]


def test_of_chained_exceptions_the_last_one_is_told(explain):
    (failure,) = explain("""\
        =================================== FAILURES ===================================
        ________________________________ Cart.test_price _______________________________
        tests/test_cart.py:18: in test_price
            lookup({})
        E   KeyError: 'price'

        The above exception was the direct cause of the following exception:
        tests/test_cart.py:20: in test_price
            raise ValueError("no price") from error
        E   ValueError: no price
        =========================== short test summary info ============================
        FAILED tests/test_cart.py::Cart::test_price - ValueError: no price
        """)

    assert (failure.headline, failure.exception) == ("ValueError: no price", "ValueError")
    assert failure.test == "tests/test_cart.py::Cart::test_price"
    assert failure.top_frame is not None
    assert (failure.top_frame.function, failure.top_frame.anchor.line) == ("test_price", 20)


def test_a_module_that_cannot_be_imported_is_one_failure(explain):
    (failure,) = explain("""\
        ==================================== ERRORS ====================================
        ____________________ ERROR collecting tests/test_mail.py _______________________
        ImportError while importing test module '/home/runner/_work/shop/shop/tests/test_mail.py'.
        Hint: make sure your test modules/packages have valid Python names.
        Traceback:
        /usr/lib/python3.11/importlib/__init__.py:126: in import_module
            return _bootstrap._gcd_import(name[level:], package, level)
        tests/test_mail.py:1: in <module>
            import mailer
        E   ModuleNotFoundError: No module named 'mailer'
        =========================== short test summary info ============================
        ERROR tests/test_mail.py
        !!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!
        =============================== 1 error in 0.62s ===============================
        """)

    assert failure.headline == "ModuleNotFoundError: No module named 'mailer'"
    assert failure.test == "tests/test_mail.py"
    assert "importlib" not in failure.text


def test_without_tracebacks_the_summary_tells_the_failures(explain):
    failures = explain("""\
        FF                                                                       [100%]
        =========================== short test summary info ============================
        FAILED tests/test_a.py::test_one - ValueError: bad date
        FAILED tests/test_a.py::test_two - assert 1 == 2
        2 failed in 0.05s
        """)

    assert [(f.test, f.headline) for f in failures] == [
        ("tests/test_a.py::test_one", "ValueError: bad date"),
        ("tests/test_a.py::test_two", "assert 1 == 2"),
    ]


def test_unittest_blocks_are_read_with_their_own_frames_and_messages(explain):
    (failure,) = explain("""\
        F.
        ======================================================================
        FAIL: test_total (tests.test_cart.CartTest.test_total)
        ----------------------------------------------------------------------
        Traceback (most recent call last):
          File "/usr/lib/python3.11/unittest/mock.py", line 1369, in patched
            return func(*newargs, **newkeywargs)
          File "/srv/shop/tests/test_cart.py", line 9, in test_total
            self.assertEqual(total([1, 2]), 4)
        AssertionError: 3 != 4

        ----------------------------------------------------------------------
        Ran 2 tests in 0.001s

        FAILED (failures=1)
        """)

    assert (failure.tool, failure.test) == ("unittest", "tests.test_cart.CartTest.test_total")
    assert failure.headline == "AssertionError: 3 != 4"
    assert [str(anchor) for anchor in failure.anchors] == ["/srv/shop/tests/test_cart.py:9"]
    assert "mock.py" not in failure.text
