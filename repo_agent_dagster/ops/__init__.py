"""Ops: log sources, ingestion, analysis, severity, wording, scans, and the issues they open."""
