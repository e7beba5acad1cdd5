"""Stack traces: the exception's class and the frames of JavaScript, Python, Java, Go, Rust, .NET, Ruby and PHP."""

import re
from collections.abc import Sequence

from repo_agent_dagster.ops.analysis.model import Anchor, Frame

MAX_FRAMES = 60
_LONGEST_FRAME = 600  # a longer line is no frame

_PYTHON = re.compile(r'[\s|+]*File "([^"]{1,400})", line (\d{1,7})(?:,? in (.{1,200}))?\s*$')
_PYTEST = re.compile(r"((?!E )[^\s:][^:]{0,300}\.pyx?):(\d{1,7}):(?: in (\S.{0,200})| [\w.]{0,120})?$")
_V8 = re.compile(
    r"[\s|]*at (?:async )?(?:(?P<function>[^()]{1,200}?(?:\[as [^\]]{1,80}\])?) )?"
    r"\(?(?:async )?(?P<file>(?:(?:file|https?|webpack(?:-internal)?)://)?/?[^\s()]{1,300}?)"
    r":(?P<line>\d{1,7})(?::(?P<column>\d{1,7}))?\)?(?: \{)?\s*$"
)
_FIREFOX = re.compile(r"\s*([\w$./<>*\[\] -]{0,120})@((?:\w{1,12}://)?/?[^\s@]{1,300}?):(\d{1,7}):(\d{1,7})\s*$")
_JAVA = re.compile(
    r"[\s|]*at (?:[\w.@-]{0,100}/){0,2}(?P<name>[\w$.<>]{1,240})"
    r"\((?:(?P<file>[\w$.-]{1,100}\.(?:java|kt|scala|groovy|clj)):(?P<line>\d{1,7})|Native Method|Unknown Source)\)"
)
_DOTNET = re.compile(
    r"\s*at (?P<function>[\w.`<>\[\],|+ ]{1,240}\([^)]{0,300}\))(?: in (?P<file>.{1,300}):line (?P<line>\d+))?"
)
_RUBY = re.compile(
    r"\s*(?:from |\d{1,4}: from )?([^\s:]{1,300}\.(?:rb|rake|gemspec)):(\d{1,7}):in [`'‘]([^'’]{1,200})['’]"
)
_PHP = re.compile(r"\s*#\d{1,3} ([^\s(]{1,300}\.php)\((\d{1,7})\): (\S{1,200})")
_GO_FILE = re.compile(r"\t(/?[^\s:][^:]{0,300}\.(?:go|s)):(\d{1,7})(?: \+0x[0-9a-f]+)?\s*$")
_RUST_NAME = re.compile(r"\s+\d{1,3}: (?:0x[0-9a-f]+ - )?(\S.{0,300}?)\s*$")
_PANIC = re.compile(
    r"thread '[^']{0,200}' (?:\(\d+\) )?panicked at (?:'.{0,300}', )?([^\s:][^:]{0,300}):(\d{1,7}):(\d{1,7})"
)

_NOT_OURS = re.compile(
    r"(?:^|[/\\])(?:node_modules|site-packages|dist-packages|vendor|\.cargo|\.rustup|\.pyenv|\.nvm|\.m2|\.gradle|gems"
    r"|bower_components|\.yarn|\.pnpm|\.bun|\.deno|hostedtoolcache|_work/_tool|__pypackages__)(?:[/\\]|$)"
    r"|^node:|^internal/|^<|^native\b|^\[|^webpack/|^bun:|^ext:"
    r"|(?:^|/)(?:usr/lib|usr/local/lib|usr/share|usr/local/go|opt/hostedtoolcache|lib/python\d|rustc/[0-9a-f]{6})"
    r"|/go/(?:pkg/mod|src/(?:runtime|testing|net|internal|reflect|sync|os|io|fmt|database|encoding)/)|/lib/python\d"
    r"|(?:^|/)library/(?:std|core|alloc|test)/src/|importlib/_bootstrap|^_testmain\.go$"
)
_RUNTIME_PACKAGES = (
    *("java.", "javax.", "jdk.", "sun.", "com.sun.", "kotlin.", "kotlinx.", "scala.", "groovy.", "clojure."),
    *("org.junit.", "org.testng.", "org.apache.", "org.gradle.", "org.springframework.", "org.hibernate."),
    *("org.mockito.", "org.assertj.", "org.hamcrest.", "org.codehaus.", "org.jetbrains.", "io.netty.", "reactor."),
    *("com.fasterxml.", "com.google.common.", "com.zaxxer.", "org.postgresql.", "worker.org.gradle.", "junit."),
    *("System.", "Microsoft.", "Xunit.", "NUnit.", "MSTest."),
)
_RUNTIME_FUNCTIONS = (
    "runtime.",
    "testing.",
    "reflect.",
    "panic(",
    "std::",
    "core::",
    "alloc::",
    "__rust",
    "rust_begin_",
)

_NAMED = re.compile(
    r"(?<![\w.$/-])((?:[A-Za-z_][\w$]{0,60}(?:\.|::)){0,6}"
    r"(?:[A-Z][\w$]{0,60})?(?:Error|Exception|Fault|Panic|Timeout|Interrupt|ExceptionGroup|SystemExit))"
    r"(?![\w$/-]|\.\w|\()"
)
_AT_START = re.compile(
    r"(?:E\s+|(?:Uncaught |Unhandled |Caused by:|Exception in thread \"[^\"]{0,100}\""
    r"|Unhandled exception[.:]|\[cause\]:"
    r"|PHP Fatal error:\s+Uncaught)\s*(?:\(in promise\)\s*)?){0,3}"
    r"((?:[A-Za-z_][\w$]{0,60}(?:\.|::)){0,6}[A-Z][\w$]{1,60})(?: \[[A-Z_]{1,60}\])?(?:: |:?$)"
)
_NAMES = ("Error", "Exception", "Fault", "Panic", "Timeout", "Interrupt", "SystemExit")


def is_ours(file: str, function: str | None = None) -> bool:
    """Return whether a frame is in our own code: not in a dependency, a runtime or a generated place."""
    if _NOT_OURS.search(file):
        return False
    return not (function and function.startswith(_RUNTIME_FUNCTIONS))


def frame_of(text: str) -> Frame | None:
    """Return the frame that one line of a trace shows, or None when it shows none."""
    if len(text) > _LONGEST_FRAME or (":" not in text and "(" not in text and ", line " not in text):
        return None
    stripped = text.lstrip(" \t|+")
    if stripped.startswith("at "):
        return _java_frame(text) or _at_frame(text)
    if stripped.startswith('File "'):
        return _frame(_PYTHON.match(text), file=1, line=2, function=3)
    if ".py" in text and (match := _PYTEST.match(text)):
        return _frame(match, file=1, line=2, function=3)
    if ":in " in text:
        return _frame(_RUBY.match(text), file=1, line=2, function=3)
    if stripped.startswith("#") and ".php(" in text:
        return _frame(_PHP.match(text), file=1, line=2, function=3)
    if "@" in text:
        return _frame(_FIREFOX.match(text), file=2, line=3, function=1, column=4)
    return None


def frames_of(texts: Sequence[str]) -> tuple[Frame, ...]:
    """Return all frames of a trace, innermost first; of several chained exceptions the root's frames come first.

    In Python the exception that was raised last comes first: it is the one that ended the program.
    """
    traces: list[list[Frame]] = [[]]
    upside_down = False
    for index, text in enumerate(texts):
        stripped = text.lstrip(" \t|+*-E>")
        if stripped.startswith(("Traceback (most recent", "Exception Group Traceback", "Caused by:")) or (
            stripped.startswith(("The above exception was", "During handling of the above"))
        ):
            upside_down |= not stripped.startswith("Caused by:")
            traces.append([])
            continue
        if match := _GO_FILE.match(text):
            name = texts[index - 1].strip() if index else ""
            frame: Frame | None = _go_frame(name, match)
        elif match := _PANIC.search(text, 0, _LONGEST_FRAME):
            frame = Frame(None, Anchor(match[1], int(match[2]), int(match[3])), is_ours(match[1]))
        else:
            frame = frame_of(text)
            if frame is not None and frame.function is None and index and frame.anchor.file.endswith(".rs"):
                named = _RUST_NAME.match(texts[index - 1])
                name = named[1] if named else ""
                frame = Frame(name or None, frame.anchor, is_ours(frame.anchor.file, name))
            upside_down |= frame is not None and stripped.startswith('File "')
            upside_down |= frame is not None and frame.anchor.file.endswith(".py") and ".py:" in text
        if frame is not None and len(traces[-1]) < MAX_FRAMES:
            traces[-1].append(frame)
    ordered = [list(reversed(trace)) if upside_down else trace for trace in reversed(traces)]
    return tuple(frame for trace in ordered for frame in trace)[:MAX_FRAMES]


def exception_of(text: str) -> str | None:
    """Return the class of the exception that a line tells of, or None.

    ``TypeError: x is null`` → ``TypeError``; ``Caused by: java.io.IOException`` → ``java.io.IOException``.
    """
    text = text.strip()[:_LONGEST_FRAME]
    if text.startswith(("panic: ", "fatal error: ", "thread '")) and ("panic" in text or "fatal error" in text):
        return "panic"
    if any(name in text for name in _NAMES) and (match := _NAMED.search(text)):
        return match[1]
    return None


def raised(text: str) -> str | None:
    """Return the class at the start of a trace's last line, whatever its name: ``subprocess.Expired: …``."""
    match = _AT_START.match(text.strip()[:_LONGEST_FRAME])
    return match[1] if match else exception_of(text)


def _frame(
    match: re.Match[str] | None, *, file: int, line: int, function: int, column: int | None = None
) -> Frame | None:
    if match is None:
        return None
    name = (match[function] or "").strip() or None
    anchor = Anchor(match[file], int(match[line]), int(match[column]) if column else None)
    return Frame(name, anchor, is_ours(anchor.file, name))


def _at_frame(text: str) -> Frame | None:
    match = _V8.match(text)
    if match is None:
        match = _DOTNET.match(text)
        if match is None or "(" not in text:
            return None
        file = match["file"] or ""
        ours = bool(file) and is_ours(file) and not match["function"].startswith(_RUNTIME_PACKAGES)
        return Frame(match["function"].partition("(")[0], Anchor(file, int(match["line"]) if file else None), ours)
    file = re.sub(r"^(?:file://|webpack(?:-internal)?:///?(?:\./)?|\./)", "", match["file"])
    if ":line" in text and file.endswith("in"):
        return None
    column = int(match["column"]) if match["column"] else None
    name = match["function"]
    return Frame(name, Anchor(file, int(match["line"]), column), is_ours(file, name))


def _java_frame(text: str) -> Frame | None:
    match = _JAVA.match(text)
    if match is None:
        return None
    name = match["name"]
    package = name.rsplit(".", 2)[0].replace(".", "/") if name.count(".") > 1 else ""
    file = match["file"] or name
    path = f"{package}/{file}" if package and match["file"] else file
    ours = bool(match["file"]) and not name.startswith(_RUNTIME_PACKAGES)
    return Frame(name, Anchor(path, int(match["line"]) if match["line"] else None), ours)


def _go_frame(name: str, match: re.Match[str]) -> Frame:
    name = name.removeprefix("created by ").partition(" in goroutine")[0]
    function = re.sub(r"\([^()]{0,400}\)$", "", name) or None
    return Frame(function, Anchor(match[1], int(match[2])), is_ours(match[1], function))
