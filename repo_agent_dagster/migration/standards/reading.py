"""Read a rule file; every error names file, line, column and field, and suggests a spelling."""

from dataclasses import dataclass
from pathlib import Path

from repo_agent_dagster.migration.documents.document import Document, DocumentError, Location, read_document
from repo_agent_dagster.migration.standards.contract import RuleFile, RuleSpec
from repo_agent_dagster.migration.standards.faults import RuleError


@dataclass(frozen=True)
class RuleDocument:
    """A rule file that obeys the schema, and the places of its parts for errors that are found later."""

    document: Document
    content: RuleFile
    is_single: bool

    @property
    def path(self) -> Path:
        """The file."""
        return self.document.path

    def error(self, location: Location, message: str) -> RuleError:
        """Return an error that points at a part of the file, such as ``("rules", 0, "rule")``."""
        inside = location[2:] if self.is_single and location[:1] == ("rules",) else location
        return RuleError(self.document.told(inside, message))


def read_rule_file(path: Path) -> RuleDocument:
    """Return what a YAML rule file holds: one rule, or `rules` and `settings`.

    Raises:
        RuleError: the file cannot be read, is not YAML, or breaks the schema; one line for each mistake.
    """
    try:
        document = read_document(path, "rule file")
        if not isinstance(document.content, dict):
            raise RuleError(f"{path}:1:1: a rule file is a mapping with id: and the rest of a rule, or with rules:")
        if document.content.keys() & {"rules", "settings"}:
            return RuleDocument(document, document.read_as(RuleFile), is_single=False)
        return RuleDocument(document, RuleFile(rules=(document.read_as(RuleSpec),)), is_single=True)
    except DocumentError as error:
        raise RuleError(str(error)) from error
