"""Inventory of a unit: what each file is, needs and is worth, with totals; as data, Markdown and HTML.

The way through: `describe` a unit's contents, then `render_markdown`, `render_html` or `inventory_metadata`.
"""

from repo_agent_dagster.migration.inventory.describing import describe
from repo_agent_dagster.migration.inventory.html import render_html
from repo_agent_dagster.migration.inventory.markdown import render_markdown
from repo_agent_dagster.migration.inventory.metadata import inventory_metadata
from repo_agent_dagster.migration.inventory.model import FileInventory, UnitInventory

__all__ = ["FileInventory", "UnitInventory", "describe", "inventory_metadata", "render_html", "render_markdown"]
