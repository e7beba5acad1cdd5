"""Frames and exceptions of eight languages."""

import pytest

from repo_agent_dagster.ops.analysis.stacks import exception_of, frame_of, frames_of, is_ours, raised


@pytest.mark.parametrize(
    ("line", "function", "place", "ours"),
    [
        ("    at load (/srv/app/src/a.js:1:32)", "load", "/srv/app/src/a.js:1:32", True),
        ("    at async file:///srv/app/a.mjs:3:4", None, "/srv/app/a.mjs:3:4", True),
        ("    at Object.openSync (node:fs:573:18)", "Object.openSync", "node:fs:573:18", False),
        ("    at run (/srv/app/node_modules/x/i.js:1:2)", "run", "/srv/app/node_modules/x/i.js:1:2", False),
        ("load@https://a.example/app.js:3:4", "load", "https://a.example/app.js:3:4", True),
        ('  File "/srv/app/a.py", line 3, in price', "price", "/srv/app/a.py:3", True),
        ('  File "/usr/lib/python3.11/json.py", line 3, in load', "load", "/usr/lib/python3.11/json.py:3", False),
        ('  | File "/srv/app/a.py", line 3, in price', "price", "/srv/app/a.py:3", True),
        ("tests/test_a.py:9: in test_key", "test_key", "tests/test_a.py:9", True),
        ("\tat com.acme.Cart$Item.total(Cart.java:12)", "com.acme.Cart$Item.total", "com/acme/Cart.java:12", True),
        ("\tat java.base/java.util.List.get(List.java:7)", "java.util.List.get", "java/util/List.java:7", False),
        ("   at Shop.Cart.Total(Int32 n) in /src/Cart.cs:line 12", "Shop.Cart.Total", "/src/Cart.cs:12", True),
        ("\tfrom lib/cart.rb:12:in `total'", "total", "lib/cart.rb:12", True),
        ("#1 /srv/app/Cart.php(14): Cart->total()", "Cart->total()", "/srv/app/Cart.php:14", True),
    ],
)  # fmt: skip
def test_a_frame_is_read(line, function, place, ours):
    frame = frame_of(line)

    assert frame is not None
    assert (frame.function, str(frame.anchor), frame.is_ours) == (function, place, ours)


@pytest.mark.parametrize("line", ["error: at 12:30:00 the job ended", "mail me@a.example", "look at it", "a.py: error"])
def test_prose_is_no_frame(line):
    assert frame_of(line) is None


def test_frames_of_python_come_innermost_first_and_the_last_exception_before_its_cause():
    frames = frames_of(
        """\
Traceback (most recent call last):
  File "/srv/a.py", line 1, in outer
  File "/srv/a.py", line 2, in inner
KeyError: 'k'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/b.py", line 3, in main
ValueError: bad""".splitlines()
    )

    assert [frame.function for frame in frames] == ["main", "inner", "outer"]


def test_frames_of_java_begin_with_the_root_cause():
    frames = frames_of(
        """\
java.lang.IllegalStateException: boot failed
\tat com.acme.Main.main(Main.java:2)
Caused by: java.lang.NullPointerException
\tat com.acme.Cart.total(Cart.java:9)
\t... 1 more""".splitlines()
    )

    assert [frame.function for frame in frames] == ["com.acme.Cart.total", "com.acme.Main.main"]


def test_frames_of_go_and_rust_have_their_functions_in_the_line_above():
    (go,) = frames_of(["example.com/shop.(*Cart).Add(0x60, {0x61})", "\t/srv/shop/cart.go:28 +0x85"])
    (rust,) = frames_of(["   4: shop::cart::add", "             at ./src/cart.rs:2:59"])

    assert (go.function, str(go.anchor)) == ("example.com/shop.(*Cart).Add", "/srv/shop/cart.go:28")
    assert (rust.function, str(rust.anchor)) == ("shop::cart::add", "src/cart.rs:2:59")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("TypeError: x is null", "TypeError"),
        ("E   KeyError: 'k'", "KeyError"),
        ("Caused by: java.io.IOException: closed", "java.io.IOException"),
        ("AssertionError [ERR_ASSERTION]: not equal", "AssertionError"),
        ("2026 ERROR shop: requests.exceptions.ReadTimeout: late", "requests.exceptions.ReadTimeout"),
        ("thread 'main' panicked at src/a.rs:1:2:", "panic"),
        ("src/error-handler.ts has 0 errors", None),
    ],
)
def test_the_class_of_an_exception_is_read(line, name):
    assert exception_of(line) == name


def test_a_traces_last_line_names_any_class():
    assert raised("subprocess.Expired: after 3 s") == "subprocess.Expired"


@pytest.mark.parametrize(
    "file",
    [
        "node_modules/a/b.js",
        "/srv/.venv/lib/python3.11/site-packages/a.py",
        "node:fs",
        "/home/ci/.cargo/registry/src/a.rs",
        "/usr/local/go/src/net/http/server.go",
        "vendor/a.go",
    ],
)
def test_dependencies_and_runtimes_are_not_ours(file):
    assert not is_ours(file)
