"""The queries on orders in `sql/queries/orders`: as statements with a bound order, and as text that people can run."""

import re
from functools import cache

from sqlalchemy import TextClause, text

from repo_agent_dagster.contracts.reports import UNATTRIBUTED
from repo_agent_dagster.packaged import packaged_path

_OF_ORDER = "event.order_id = :order_id"
"""How every query names the events of its order, so that they can be those without one."""

_LIVES = re.compile(r"^FROM lives\b", re.MULTILINE)
"""Where a query selects from the patches' lives: their rule stands in one file, and is put before it."""

_OF_NONE = f"(event.order_id IS NULL OR event.order_id IN ('', '{UNATTRIBUTED}'))"


@cache
def order_query(name: str, *, is_unattributed: bool = False) -> TextClause:
    """Return a query by its file's name; it binds `order_id` where it is of one order.

    `is_unattributed`: its events are those without an order, and those of an order that was really called so: merged
    rather than one hiding the other.
    """
    return text(_sql(name, is_unattributed=is_unattributed))


@cache
def _sql(name: str, *, is_unattributed: bool) -> str:
    sql = _file(name)
    if _LIVES.search(sql):
        sql = f"WITH lives AS (\n{_file('lives')}\n)\n{sql}"
    return sql.replace(_OF_ORDER, _OF_NONE) if is_unattributed else sql


def _file(name: str) -> str:
    return packaged_path("sql", "queries", "orders", f"{name}.sql").read_text(encoding="utf-8").strip()


def shown_query(name: str, order_id: str) -> str:
    """Return a query as text that runs as it stands on either database, the order's id in it as a quoted literal."""
    sql = _sql(name, is_unattributed=order_id == UNATTRIBUTED)
    # Both databases take a backslash in a plain literal for itself, so a quote is all that is to be escaped.
    return sql.replace(":order_id", "'" + order_id.replace("'", "''") + "'")
