"""A rule file as it is written: one rule, or several with settings for rules that exist already.

What reads the file and points at lines is `reading.py`; what the fields mean to a rule's author is `docs/standards.md`.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from repo_agent_dagster.contracts.base import SnakeContract
from repo_agent_dagster.migration.manifest.globs import compile_glob
from repo_agent_dagster.migration.standards.languages import Language

Level = Literal["error", "warning", "info"]
NONE: Any = Field(default_factory=dict)
SCRIPT: tuple[Language, ...] = ("ts", "tsx", "js")


def _glob(glob: str) -> str:
    if "{{" not in glob:  # with a parameter in it, it is checked when the parameter has its value
        compile_glob(glob)
    return glob


def _regex(regex: str) -> str:
    try:
        if "{{" not in regex:
            re.compile(regex, re.MULTILINE)
    except re.error as error:
        raise ValueError(f"regex {regex!r} does not compile: {error}") from error
    return regex


def _several(given: Any) -> Any:
    return [given] if isinstance(given, (str, dict)) else given


def _or_one(schema: dict[str, Any]) -> None:
    items = schema.pop("items")
    kept = {key: schema.pop(key) for key in ("default", "description") if key in schema}
    schema.pop("type", None)
    schema.update(anyOf=[items, {"type": "array", "items": items}], **kept)


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=80)]
MetaVariable = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$", description="A metavariable, without its $.")]
Glob = Annotated[str, Field(min_length=1), AfterValidator(_glob)]
Globs = Annotated[tuple[Glob, ...], BeforeValidator(_several), Field(json_schema_extra=_or_one)]
Texts = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_several), Field(json_schema_extra=_or_one)
]
AstRule = Annotated[
    dict[str, Any],
    Field(
        min_length=1,
        description="An ast-grep rule object: pattern, kind, regex, has, inside, follows, precedes, all, any, not.",
    ),
]


class Where(SnakeContract):
    """What else must hold of a metavariable, beyond its own text; what is given must hold together."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)

    collected: Annotated[
        bool | None, Field(description="Whether the text is one of those that `collect` found; false holds if unbound.")
    ] = None
    imported: Annotated[
        str | None,
        Field(description="The text is a local name of this export ('default', '*' for a namespace) of `from`."),
    ] = None
    from_: Annotated[
        Annotated[tuple[str, ...], BeforeValidator(_several)],
        Field(alias="from", description="The modules that `imported` may come from.", json_schema_extra=_or_one),
    ] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.collected is None and self.imported is None:
            raise ValueError("give collected: true or false, or imported: and from:")
        if (self.imported is None) != (not self.from_):
            raise ValueError("imported and from go together: which export, and of which modules")
        return self


class Collect(SnakeContract):
    """Texts gathered from all files before any is checked, such as the names that a package exports."""

    files: Annotated[Globs, Field(description="Globs of the files to gather from.")]
    not_files: Globs = ()
    languages: tuple[Language, ...] = SCRIPT
    rule: AstRule
    constraints: Annotated[dict[str, AstRule], Field(description="Rules that metavariables must match.")] = NONE
    capture: Annotated[MetaVariable, Field(description="The metavariable whose text is gathered.")]
    everywhere: Annotated[
        bool, Field(description="Gather also from files of the tree that are not checked themselves.")
    ] = True


class FixImport(SnakeContract):
    """A named import that the fixed file needs; without it, or a way to write it, the fix is not offered."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)

    name: Annotated[str, Field(pattern=r"^(?:[A-Za-z_$]|\{\{)[\w${}]*$", description="What the template uses.")]
    from_: Annotated[
        str,
        Field(alias="from", description="The module to import it from; '': only files that have it can be fixed."),
    ] = ""
    instead_of: Annotated[
        str | None,
        Field(description="An imported name that leaves with the fix, if nothing else in the file uses it."),
    ] = None


class Fix(SnakeContract):
    """What takes the place of a finding."""

    template: Annotated[str, Field(description="The new text; $NAME and $$$NAMES are metavariables.")]
    safe: Annotated[
        bool, Field(description="Whether it cannot change what the program does; only safe fixes are applied unasked.")
    ]
    imports: Annotated[
        tuple[FixImport, ...], BeforeValidator(_several), Field(json_schema_extra=_or_one, max_length=5)
    ] = ()


class Example(SnakeContract):
    """A small tree that shows the rule at work: one file, or several where the rule gathers from other files."""

    code: Annotated[str, Field(description="The file's text.")]
    file: Annotated[str | None, Field(description="Its path; default: one that the rule looks at.")] = None
    others: Annotated[dict[str, str], Field(description="Other files that must be there, by path.")] = NONE
    fixed: Annotated[str | None, Field(description="The file's text after the fix; good examples have none.")] = None
    findings: Annotated[int | None, Field(ge=1, description="How many there are; absent: at least one.")] = None


def _example(given: Any) -> Any:
    return {"code": given} if isinstance(given, str) else given


def _or_text(schema: dict[str, Any]) -> None:
    schema["items"] = {"anyOf": [{"type": "string"}, schema["items"]]}


ExampleList = Annotated[
    tuple[Annotated[Example, BeforeValidator(_example)], ...], Field(min_length=1, json_schema_extra=_or_text)
]


class Examples(SnakeContract):
    """What the rule lets pass and what it finds; `migrate-staging standards --test-rules` tries them."""

    good: ExampleList
    bad: ExampleList


class RuleSpec(SnakeContract):
    """One standard: what it finds, where, why it matters, and what to do."""

    id: Annotated[Name, Field(description="Lower-case words with dashes; what people suppress and select by.")]
    title: Annotated[str, Field(min_length=1, max_length=120)]
    why: Annotated[str, Field(min_length=1, description="What goes wrong without it.")]
    level: Level = "warning"
    message: Annotated[str, Field(min_length=1, description="What to tell; $NAME is what a metavariable matched.")]
    files: Annotated[Globs, Field(description="Globs of the files to look at; default: all of the languages.")] = (
        "**/*",
    )
    not_files: Annotated[Globs, Field(description="Globs of the files to leave out.")] = ()
    languages: Annotated[tuple[Language, ...] | None, Field(description="Default: ts, tsx and js. Only with rule.")] = (
        None
    )
    rule: AstRule | None = None
    constraints: Annotated[dict[str, AstRule], Field(description="Rules that metavariables must match.")] = NONE
    utils: Annotated[dict[str, AstRule], Field(description="Named rules, for `matches:`.")] = NONE
    text: Annotated[
        str | None,
        Field(min_length=1, description="A Python regular expression for files of any kind; (?P<NAME>…) is $NAME."),
        AfterValidator(lambda regex: None if regex is None else _regex(regex)),
    ] = None
    where: Annotated[dict[MetaVariable, Where], Field(description="What else must hold of metavariables.")] = NONE
    at: Annotated[
        MetaVariable | None, Field(description="The metavariable to point at and to fix; default: all that matched.")
    ] = None
    collect: Collect | None = None
    params: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], str],
        Field(description="Values that {{name}} stands for in this rule; `settings` can give others."),
    ] = NONE
    fix: Fix | None = None
    docs: Annotated[str, Field(description="More for people who want to know more; Markdown.")] = ""
    examples: Examples

    @model_validator(mode="after")
    def _has_one_way_to_find(self) -> Self:
        if (self.rule is None) == (self.text is None):
            raise ValueError("give either rule (a pattern for code) or text (a regular expression), not both")
        if self.text is not None:
            only = [name for name in ("languages", "constraints", "utils", "collect", "where") if getattr(self, name)]
            if only:
                raise ValueError(f"{only[0]} is for rules with `rule`, not with `text`")
            if self.fix is not None and self.fix.imports:
                raise ValueError("fix.imports is for rules with `rule`, not with `text`")
        if any(one.collected is not None for one in self.where.values()) != (self.collect is not None):
            raise ValueError("collect and where: {NAME: {collected: …}} go together")
        if self.fix is None and any(example.fixed is not None for example in self.examples.bad):
            raise ValueError("an example says what is fixed, but the rule has no fix")
        return self


class RuleSettings(SnakeContract):
    """What a team changes about a rule that exists."""

    level: Level | None = None
    params: Annotated[dict[str, str], Field(description="Other values for the rule's parameters.")] = NONE
    not_files: Annotated[Globs, Field(description="More files to leave out.")] = ()


class RuleFile(SnakeContract):
    """A rule file with several rules, or with settings for rules that exist."""

    rules: tuple[RuleSpec, ...] = ()
    settings: dict[Name, RuleSettings] = NONE
