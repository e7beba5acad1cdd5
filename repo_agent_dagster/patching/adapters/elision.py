"""Lines that stand for text that a model left out, such as ``// ... existing code ...``: written to a file, they
would delete what they stand for.

A line is one if it is a comment, a bracket or begins with dots, and says nothing but that something goes there. A
comment that only says "previous code" needs dots or a word more, because people write such headings too. Lines of
prose, Python's ``...`` and spread operators are none.
"""

import re
from collections.abc import Iterable

from repo_agent_dagster.patching.model import InvalidPatch

_LONGEST = 200
_PROSE = (".md", ".mdx", ".markdown", ".rst", ".txt", ".adoc")

_DOTS = r"(?:(?<!\.)\.{3,4}(?!\.)|…)"  # more of them are a ruler
_OPENERS = {
    False: r"\{\s*/\*+|/\*+|//+!?|<!--+|\{\{!(?:--)?|\{\{?#|<%(?:#|--)|#+!?|--+(?:\[=*\[)?|;+|%+|\(\*|@\*|\{-|"
    r"\"\"\"|'''|'|\*|(?:REM|rem|dnl)\b",
    # In prose, "#" is a heading and "--" a dash.
    True: r"\{\s*/\*+|<!--+|//+|\{\{!(?:--)?|\.\.(?=\s)",
}
_CLOSER = re.compile(r"\s*(?:\*+/\s*\}?|--+>|--\}\}|[#-]?\}\}?|[-#]?%>|\*\)|\*@|-\}|\]=*\]|\"\"\"|''')\s*$")
_COMMENT = {prose: re.compile(rf"\s*(?:{openers})\s*(?P<said>.*)") for prose, openers in _OPENERS.items()}
# In the middle of a line: after code, and up to the comment's end.
_INLINE = re.compile(r"\S.*?(?:/\*+|(?<![:\w])//+|\s#+|<!--+|\s--)\s*(?P<said>.*?)\s*(?:\*+/.*|-->.*)?$")
_HOLLOW_BODY = re.compile(rf"[{{(\[]\s*(?:/\*+\s*{_DOTS}\s*\*+/|//+\s*{_DOTS})\s*[}})\]]")
_BRACKETED = re.compile(r"(?:\[(?P<a>[^\[\]]*)\]|<+(?P<b>[^<>]*)>+|\((?P<c>[^()]*)\)|\{+(?P<d>[^{}]*)\}+)[.,;]?")

_NOUN = (
    r"(?:code|codes|files?|contents?|imports?|methods?|functions?|class(?:es)?|implementations?|logic|lines?|components?|"
    r"modules?|documents?|documentation|sections?|bod(?:y|ies)|definitions?|fields?|props|styles?|rules?|tests?|cases?|"
    r"config(?:uration)?s?|settings?|options?|routes?|handlers?|scripts?|parts?|items?|entries|properties|variables?|"
    r"declarations?|types?|interfaces?|exports?|markup|html|css|jsx|elements?|statements?|blocks?|attributes?|columns?|"
    r"dependencies|constants?|helpers?|hooks?|states?|text|setup|stuff|things?|values?|queries|endpoints?|views?)"
)
_WHOLE = r"(?:code|file|implementation|component|class|function|method|module|script|document|contents?|program|page)"
_LEFT = (
    r"(?:existing|previous|remaining|original|other|unchanged|unmodified|same|current|earlier|prior|more|additional)"
)
_REST = r"(?:the |your )?(?:rest|remainder)"
_UNCHANGED = (
    r"(?:the same|same|unchanged|unmodified|as[ -](?:before|is|above|it was)|intact|untouched|omitted|elided|truncated|"
    r"snipped|skipped|not shown|hidden|identical)"
)
_TAIL = (
    rf"(?: (?:code |content )?(?:(?:remains?|stays?|is|are|was|were|goes|go|continues?|follows?|left|kept)\b ?)*"
    rf"(?:{_UNCHANGED})?(?: ?(?:here|below|above|as before|for brevity|for clarity|in (?:the|this) \w+))*)?"
)
_NAMED = r"(?:[\w./`'-]+ ){0,3}?"
_FILL = r"(?:(?:and|with|keep|leave|insert|include|add|put|paste|your|the|all|any|of|this|that|these|those|as) )*"
_PHRASE = re.compile(
    rf"{_FILL}(?:"
    rf"{_LEFT}(?: (?:of|the|your|existing|previous|and))* {_NAMED}{_NOUN}(?: and (?:\w+ )?{_NOUN})?{_TAIL}"
    rf"|{_REST}(?: of (?:the |your |this )?{_NAMED}{_NOUN})?{_TAIL}"
    rf"|(?:everything|nothing|all) else{_TAIL}"
    rf"|(?:{_NAMED}{_NOUN} )?(?:remains? |stays? |is |are )?{_UNCHANGED}(?: {_NOUN})?"
    rf"(?: (?:as )?(?:here|above|below|before))?(?: for (?:brevity|clarity))?"
    rf"|{_NOUN} (?:goes |go )?here"
    rf"|no (?:other |further |more )?changes?(?: (?:needed|required|here|below|above))*"
    rf"|(?:\d+|many|several) (?:more |other |unchanged )*lines?{_TAIL}"
    rf"|snip(?:ped)?|etc"
    r")"
)
# Up to four words between dots, such as "... validation ..."; a sentence that goes on is more, or begins otherwise.
_BETWEEN_DOTS = re.compile(
    rf"{_DOTS}\s*(?!(?:and|or|but|else|if|then|now|so|because|which|that|when|while)\b)"
    rf"(?:[^.…\s]+(?:\s+[^.…\s]+){{0,3}}|\W*(?:the |your )?(?:existing|previous|remaining|rest)\b[^.…]{{1,60}})"
    rf"\s*{_DOTS}",
    re.IGNORECASE,
)
# What says it all without dots: the code itself, or that the rest is somewhere, unchanged.
_BARE = re.compile(
    rf"{_FILL}(?:"
    rf"(?:existing|previous|remaining|unchanged|other existing) (?:[\w./`'-]+ ){{0,2}}?code(?: (?:here|goes here))?"
    rf"|{_REST} of (?:the |your |this )?(?:[\w./`'-]+ ){{0,2}}?{_WHOLE}(?: (?:goes )?here)?"
    r")"
)
_STRONG = re.compile(
    rf"{_FILL}(?:"
    rf"(?:{_REST}(?: of [\w ./`'-]{{1,40}}?)?|(?:everything|all) else"
    rf"|(?:existing|previous|remaining|original|other) [\w ./`'-]{{0,30}}?{_NOUN})"
    rf" (?:remains?|stays?|is|are|left|kept|goes)?(?: exactly)? ?(?:{_UNCHANGED}|as before|here)"
    rf"(?: (?:here|below|above|for brevity|as before))*"
    rf"|[\w ]{{0,30}}?(?:omitted|truncated|snipped|elided|not shown) for (?:brevity|clarity)"
    r")"
)


def refuse_elisions(path: str, text: str, present: bytes | None) -> None:
    """Refuse a text of which a line stands for text that is left out, unless the present file has that very line.

    Raises:
        InvalidPatch: there is such a line; file, line and text are named.
    """
    kept = frozenset() if present is None else frozenset(line.strip() for line in present.splitlines())
    for number, line in elisions(path, text):
        if line.strip().encode("utf-8", "replace") not in kept:
            raise InvalidPatch(
                f"{path}: line {number} stands for text that is left out: {line.strip()!r}; "
                "send the whole text, or operations on the lines that change"
            )


def elisions(path: str, text: str) -> Iterable[tuple[int, str]]:
    """Return the lines, with their numbers from 1, that stand for text that is left out."""
    is_prose = path.lower().endswith(_PROSE)
    in_fence = False
    for number, line in enumerate(text.split("\n"), start=1):
        if is_prose and line.lstrip().startswith(("```", "~~~")):
            in_fence = not in_fence
        if len(line) <= _LONGEST and is_elision(line, is_prose=is_prose and not in_fence, is_sample=in_fence):
            yield number, line


def is_elision(line: str, *, is_prose: bool = False, is_sample: bool = False) -> bool:
    """Whether a line stands for text that is left out.

    In prose ``#`` is no comment; in a sample of code within prose, dots alone are the author's own.
    """
    stripped = line.strip()
    if not stripped:
        return False
    comment = _COMMENT[is_prose].fullmatch(stripped)
    if comment is not None:
        # A string of dots is a string.
        dots_alone = not is_sample and not stripped.startswith(("'", '"'))
        if _says_elision(_CLOSER.sub("", comment["said"]), dots_alone=dots_alone):
            return True
    if stripped.startswith(("...", "…")) and _begins_with_dots(stripped):
        return True
    bracketed = _BRACKETED.fullmatch(stripped)
    if bracketed is not None:
        said = bracketed[bracketed.lastgroup or 0]
        if " " in _words(said) and _says_elision(said, dots_alone=False):
            return True
    if is_prose:
        return False
    if not is_sample and _HOLLOW_BODY.search(stripped):
        return True
    inline = _INLINE.fullmatch(stripped)
    return inline is not None and _has_dots(inline["said"]) and _says_elision(inline["said"], dots_alone=False)


def _has_dots(text: str) -> bool:
    return "..." in text or "…" in text


def _says_elision(said: str, *, dots_alone: bool) -> bool:
    """Judge the words of a comment or a bracket."""
    said = said.strip()
    bracketed = _BRACKETED.fullmatch(said)
    if bracketed is not None:
        return _says_elision(bracketed[bracketed.lastgroup or 0], dots_alone=dots_alone)
    words = _words(said)
    if not words:
        return dots_alone and re.fullmatch(rf"{_DOTS}", said) is not None
    if _has_dots(said):
        if _PHRASE.fullmatch(words) or _STRONG.fullmatch(words):
            return True
        return _BETWEEN_DOTS.fullmatch(said) is not None
    # A heading, or the last words of a sentence.
    if said.endswith(":") or (said.endswith(".") and _BARE.fullmatch(words)):
        return False
    return _BARE.fullmatch(words) is not None or _STRONG.fullmatch(words) is not None


def _begins_with_dots(line: str) -> bool:
    """Judge a line of text that begins with dots: code that does is a spread operator or Python's ellipsis."""
    rest = re.sub(rf"^{_DOTS}\s*(?:#+|//+)?", "", line)
    words = _words(rest)
    if " " not in words or re.search(r"[={};|&!?@$%^+*\\]", rest):
        return False
    return _PHRASE.fullmatch(words) is not None or _STRONG.fullmatch(words) is not None


def _words(text: str) -> str:
    """Return the words, in small letters, without dots, dashes and brackets around and between them."""
    plain = re.sub(rf"{_DOTS}|[()\[\]<>,:;!*=~]|\.(?=\s|$)|\s-+\s|—|–", " ", text.replace("’", "'"))
    return " ".join(plain.split()).strip(" -").lower()
