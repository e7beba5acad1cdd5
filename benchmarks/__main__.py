"""`python -m benchmarks`: run every benchmark, one after the other, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def main() -> int:
    """Return the number of benchmarks that could not be measured; a slow result is no failure."""
    chosen = sys.argv[1:] or NAMES
    unknown = [name for name in chosen if name not in NAMES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    failures = 0
    for name in chosen:
        print(f"\n== {name}", flush=True)
        failures += subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode != 0
    return failures


if __name__ == "__main__":
    sys.exit(main())
