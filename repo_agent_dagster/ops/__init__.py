"""Ops: log sources, ingestion, patterns and fingerprints, severity, scans and the issues they open."""

from repo_agent_dagster.ops.ingestion import IngestionResult, LogObjectsUnreadable, ingest_day
from repo_agent_dagster.ops.scan import ScannedIssue, ScanResult, scan_day
from repo_agent_dagster.ops.sources import DirectorySource, LogObject, LogSource, embedded_sources

__all__ = [
    "DirectorySource",
    "IngestionResult",
    "LogObject",
    "LogObjectsUnreadable",
    "LogSource",
    "ScanResult",
    "ScannedIssue",
    "embedded_sources",
    "ingest_day",
    "scan_day",
]
