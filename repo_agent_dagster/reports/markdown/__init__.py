"""The report as Markdown that GitHub shows cleanly, in a pull request, an issue or a file."""

from repo_agent_dagster.reports.markdown.rendering import MAX_COMMENT_CHARACTERS, render_markdown

__all__ = ["MAX_COMMENT_CHARACTERS", "render_markdown"]
