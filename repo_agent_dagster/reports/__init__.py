"""Delivery reports and patch trends, as Markdown, JSON and HTML."""
