"""Names of files, functions, tests, jobs and steps are the same from night to night."""

import pytest

from repo_agent_dagster.ops.analysis.code_names import (
    file_name,
    function_name,
    is_test_file,
    name_of_test,
    step_name,
)


@pytest.mark.parametrize(
    "file",
    [
        "src/a.ts",
        "./src/a.ts",
        "/home/runner/_work/shop/shop/src/a.ts",
        "file:///home/runner/_work/shop/shop/src/a.ts",
        "/__w/shop/shop/src/a.ts",
        "webpack:///./src/a.ts",
        "/app/src/a.ts",
        "/tmp/build-x7/src/a.ts",
        "/private/var/tmp/kx2/src/a.ts",
        r"D:\a\shop\shop\src\a.ts",
    ],
)
def test_a_file_is_told_from_the_root_of_its_repository(file: str) -> None:
    assert file_name(file) == "src/a.ts"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("assets/index-BxKqZtRw.js", "assets/index-D4fGhJkL.js"),
        ("main.4f3a2b1c.js", "main.99ab01cd.js"),
        ("/srv/releases/20260304/shop/a.py", "/srv/releases/20260305/shop/a.py"),
    ],
)
def test_a_bundle_keeps_its_name_when_it_is_built_again(one: str, other: str) -> None:
    assert file_name(one) == file_name(other)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("Cart.total", "Cart.total"),
        ("async Cart.total", "Cart.total"),
        ("Cart.total [as sum]", "Cart.total"),
        ("new Cart", "Cart"),
        ("main.(*Server).handle.func1", "main.(*Server).handle"),
        ("lambda$total$0", "total"),
        ("shop::pricing::total::h0123456789abcdef", "shop::pricing::total"),
        ("total(System.String, Int32)", "total"),
        ("Object.<anonymous>", None),
        ("<module>", None),
        ("<lambda>", None),
        ("t", None),
        ("e.a", None),
        (None, None),
    ],
)
def test_a_function_is_told_without_counters_and_an_anonymous_one_not_at_all(
    function: str | None, expected: str | None
) -> None:
    assert function_name(function) == expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("tests/test_cart.py::test_total[3-4]", "tests/test_cart.py::test_total"),
        ("/home/runner/_work/a/a/tests/test_cart.py::T::test_b", "tests/test_cart.py::T::test_b"),
        ("cart › handles 404", "cart › handles 404"),
        ("run 8f2b6c1e-9a41-4c5b-9d2e-7f3a11c0aa10 of 1772627696", "run # of #"),
    ],
)
def test_a_test_is_told_without_its_parameters(test: str, expected: str) -> None:
    assert name_of_test(test) == expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("tests/cart.py", True),
        ("src/cart.test.ts", True),
        ("pkg/cart_test.go", True),
        ("src/test/java/CartTest.java", True),
        ("tests/conftest.py", False),
        ("test/jest.setup.ts", False),
        ("src/contest.py", False),
        ("src/latest/cart.ts", False),
    ],
)
def test_test_files_are_told_by_their_names(file: str, expected: bool) -> None:
    assert is_test_file(file) is expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("test (3.11, ubuntu-latest)", "test (3.12, windows-latest)"),
        ("build / test (1)", "build / test (2)"),
        ("test-py311", "test-py312"),
        ("shard 3/8", "shard 4/8"),
        ("Run actions/checkout@v4", "Run actions/checkout@v5.1"),
        ("Run ./deploy.sh 3fa9c1d", "Run ./deploy.sh 77bb01e"),
    ],
)
def test_matrix_legs_shards_and_versions_do_not_rename_a_job_or_step(one: str, other: str) -> None:
    assert step_name(one) == step_name(other)


def test_other_names_stay_apart() -> None:
    names = ["e2e", "k8s", "test", "test-windows", "Run make lint", "Run make test"]

    assert len({step_name(name) for name in names}) == len(names)
