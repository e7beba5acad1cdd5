"""The fingerprint: the identity of a problem, which must not move from night to night.

It is made of the kind, the place, and the surest thing that is known of the failure:

1. the exception's class and the innermost frame in our own code (file and function, no line number), with error codes;
2. the failing test, without its parameters, and the exception's class;
3. the file that a compiler or linter complains of, and its rule (``TS2322``); where it has none, the message's words;
4. else the exception's class and the words of the headline.

A test that crashed in the code under test, or in what tests share (``conftest.py``), goes by 1: ten tests that fail for
one reason are one problem. An expectation that does not hold is the test's own, wherever the assertion stands.
A class that says nothing (``Error``) and a frame without a function's name count with the words of the headline.

The place is a worker, or a repository's workflow and job. Matrix parameters, versions and numbers in a job's name do
not count, as a problem seldom minds them. The step counts for 4 only: there the words are few, and ``exit code 1`` of
two steps is two problems; elsewhere a renamed step would open known problems anew.

Where words count, the cluster of the headline is an alias: it recognises the problem when a word varies after all.
"""

import hashlib
import re
from dataclasses import dataclass

from repo_agent_dagster.ops.analysis import fingerprint_v1
from repo_agent_dagster.ops.analysis.code_names import file_name, function_name, is_test_file, name_of_test, step_name
from repo_agent_dagster.ops.analysis.masking import error_codes, headline, word_tokens
from repo_agent_dagster.ops.analysis.model import Failure, Fingerprint, Frame, Place
from repo_agent_dagster.ops.analysis.templates import Template

VERSION = "2"
"""Part of every fingerprint. When the rules change, raise it and keep the old: known problems are found by them."""

MAX_WORDS = 60
"""So many words of a headline count."""

_SAYS_NOTHING = frozenset(
    {"Error", "Exception", "RuntimeError", "RuntimeException", "error", "exception", "panic", "Panic"}
)
_ASSERTIONS = frozenset({"AssertionError", "AssertionFailedError", "ComparisonFailure", "JestAssertionError"})
_NO_COMPILERS = frozenset({None, "shell", "timeout", "memory", "actions", "curl", "git", "make"})
_EXPECTING = frozenset({"assert", "assertion", "expect", "expected"})
_GO_TEST = re.compile(r"(?:Test|Benchmark|Fuzz|Example)\w*(?:/|$)")
_EXIT_WORDS = frozenset(
    (
        *("process", "completed", "complete", "finished", "terminated", "exit", "exited", "code"),
        *("statu", "error", "err", "failed", "failure", "fail"),
        *("command", "cmd", "job", "step", "task", "script", "build", "run"),
        *("ended", "with", "of", "by", "non", "zero", "returned", "return"),
        *("signal", "npm", "elifecycle", "lifecycle", "make", "recipe", "for", "target", "see"),
        *("above", "log", "output", "in", "and", "at", "on", "to"),
        *("this", "it"),
    )
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a problem is told by. `words` are empty where `scope` alone tells it."""

    scope: tuple[str, ...]
    words: tuple[str, ...] = ()
    by_words: bool = False

    @property
    def value(self) -> str:
        """The fingerprint: 64 hex digits."""
        return _digest(VERSION, *self.scope, "words", *self.words)

    def alias(self, source: str, template: Template) -> str | None:
        """Return the fingerprint by the headline's cluster, or None where words do not count."""
        if not self.by_words:
            return None
        return _digest(VERSION, "cluster", source, *self.scope, str(template.id), *template.names)


def fingerprint(failure: Failure, template: Template | None = None) -> Fingerprint:
    """Return a failure's fingerprint; with its headline's template also the alias by that."""
    identity = identity_of(failure)
    alias = None if template is None else identity.alias(failure.source, template)
    return Fingerprint(identity.value, () if alias is None else (alias,), earlier(failure))


def identity_of(failure: Failure) -> Identity:
    """Return what a failure is told by."""
    place = _place(failure.place)
    words = word_tokens(failure.headline)[:MAX_WORDS]
    exception = (failure.exception or "").replace("::", ".").rpartition(".")[2]
    frame = failure.top_frame
    if frame is not None and exception and not (failure.test and _is_the_tests_own(frame, exception, words)):
        file, function = file_name(frame.anchor.file), function_name(frame.function)
        scope = (*place, "frame", exception, file, function or "", *error_codes(failure.headline))
        by_words = function is None or exception in _SAYS_NOTHING
        return Identity(scope, words if by_words else (), by_words)
    if failure.test:
        return Identity((*place, "test", *_test(failure), exception))
    if failure.tool not in _NO_COMPILERS and failure.anchors and failure.anchors[0].file and not exception:
        scope = (*place, "finding", file_name(failure.anchors[0].file), failure.rule or "")
        return Identity(scope) if failure.rule else Identity(scope, words, True)
    if _EXIT_WORDS.issuperset(word for word in words if not word.isdigit()):
        words = (*words, "command", *word_tokens(failure.command or "")[:MAX_WORDS])
    return Identity((*place, step_name(failure.place.step), "words", exception), words, True)


def scope_of(identity: Identity) -> str:
    """Return a short name of what an identity's headline is compared within."""
    return _digest(*identity.scope)[:16]


def earlier(failure: Failure) -> tuple[str, ...]:
    """Return the fingerprints that a failure had by earlier versions of the rules."""
    place = failure.place
    headlines = dict.fromkeys((failure.headline, headline(failure.text)))
    values = (fingerprint_v1.fingerprint_v1(place.kind, place.name, text, failure.meta) for text in headlines if text)
    return tuple(dict.fromkeys(values))


def _is_the_tests_own(frame: Frame, exception: str, words: tuple[str, ...]) -> bool:
    """Whether what failed in a test is what the test says: its expectation, or a crash in its own code."""
    expects = exception in _ASSERTIONS or not _EXPECTING.isdisjoint(words[:6])
    return expects or is_test_file(frame.anchor.file)


def _test(failure: Failure) -> tuple[str, ...]:
    """Return the test's name, and its file where the name alone is not unique in a repository: Go's."""
    name = name_of_test(failure.test or "")
    if _GO_TEST.match(name) and failure.anchors and is_test_file(failure.anchors[0].file):
        return (name, file_name(failure.anchors[0].file))
    return (name,)


def _place(place: Place) -> tuple[str, ...]:
    if place.kind == "worker":
        return (place.kind, place.name)
    return (place.kind, place.name, place.workflow or "", step_name(place.job))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
