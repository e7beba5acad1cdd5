"""Pydantic models of everything that crosses a boundary: API, CLI, JSON in the database, model output."""
