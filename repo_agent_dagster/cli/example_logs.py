"""Write the example night of logs, dated to any day: `examples/logs` keeps times of day only."""

import json
from datetime import date
from pathlib import Path

from repo_agent_dagster.packaged import packaged_path


def write_example_logs(target_dir: Path, day: date) -> list[Path]:
    """Write ``workers/…-<day>.jsonl`` and ``builds/…-<day>.jsonl`` below the folder; return the files.

    Each line's `time` becomes a `ts` on the UTC day. One line is broken on purpose and is written as it stands.
    Writing the same day again gives the same bytes.
    """
    written = []
    for template in sorted(packaged_path("examples", "logs").glob("*/*.jsonl")):
        target = target_dir / template.parent.name / f"{template.stem}-{day}.jsonl"
        target.parent.mkdir(parents=True, exist_ok=True)
        lines = template.read_text(encoding="utf-8").splitlines()
        target.write_text("".join(f"{_dated(line, day)}\n" for line in lines), encoding="utf-8")
        written.append(target)
    return written


def _dated(line: str, day: date) -> str:
    try:
        record = json.loads(line)
    except ValueError:
        return line
    return json.dumps({"ts": f"{day}T{record.pop('time')}Z", **record}, ensure_ascii=False)
