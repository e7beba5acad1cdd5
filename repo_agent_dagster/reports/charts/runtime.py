"""The script that draws charts in a page: parts of Vega, the compiled specs and our own drawing, in one packed text.

It is put together from what the installed vl-convert carries, so nothing is fetched and nothing is checked in. That
takes seconds, so it is kept beside the reports, under a name that tells what it was made from.
"""

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.pages.writing import write_whole
from repo_agent_dagster.reports.charts.chart import ChartKind
from repo_agent_dagster.reports.charts.specs import vega_lite, vega_lite_version

CACHE_FOLDER = ".chart-runtime"

_LIBRARIES = ("vl-convert-python", "altair")
_MODULES = {
    # The modules as vl-convert 1.9 carries them. All of Vega, with Vega-Lite and Vega-Embed, is twice as large, and it
    # is in every page.
    "dataflow": "vega-dataflow@6.1.0",
    "view": "vega-view@6.1.0",
    "parser": "vega-parser@7.1.0",
    "interpreter": "vega-interpreter@2.0.0",
    "transforms": "vega-transforms@5.1.0",
    "layout": "vega-view-transforms@5.1.0",
    "encode": "vega-encode@5.1.0",
}


class ChartRuntimeError(PermanentFault):
    """The installed vl-convert does not carry the parts of Vega that charts in pages need."""


@dataclass(frozen=True)
class ChartRuntime:
    """The script, gzipped and in base64, and the SHA-256 in base64 of its text for a page's Content-Security-Policy."""

    packed: str
    digest: str


@cache
def chart_runtime(reports_dir: Path | None = None) -> ChartRuntime:
    """Return the script, as it is kept in a folder of reports, or made and put there; once per process."""
    if reports_dir is None:
        return _made()
    kept = reports_dir / CACHE_FOLDER / f"{_origin()}.gz.b64"
    try:
        return _runtime(kept.read_text("ascii"))
    except (OSError, ValueError, EOFError):
        runtime = _made()
        write_whole(kept, runtime.packed)
        return runtime


@cache
def _made() -> ChartRuntime:
    import vl_convert

    specs = {kind.value: _vega(kind) for kind in ChartKind}
    try:
        text = vl_convert.javascript_bundle(f"{_imports()}const specs = {json.dumps(specs)};\n{_drawing()}")
    except ValueError as error:
        raise ChartRuntimeError(
            f"vl-convert {metadata.version(_LIBRARIES[0])} cannot put together the script for charts in pages; install "
            f"the version in requirements.lock: {str(error)[:300]}"
        ) from error
    return _runtime(base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode())


def _runtime(packed: str) -> ChartRuntime:
    text = gzip.decompress(base64.b64decode(packed, validate=True))
    return ChartRuntime(packed, base64.b64encode(hashlib.sha256(text).digest()).decode())


def _imports() -> str:
    at = {name: json.dumps(f"https://cdn.jsdelivr.net/npm/{module}/+esm") for name, module in _MODULES.items()}
    return (
        f"import {{transforms}} from {at['dataflow']};\n"
        f"import {{View}} from {at['view']};\n"
        f"import {{parse}} from {at['parser']};\n"
        f"import {{expressionInterpreter}} from {at['interpreter']};\n"
        f"import * as data from {at['transforms']};\n"
        f"import * as layout from {at['layout']};\n"
        f"import * as encode from {at['encode']};\n"
        "Object.assign(transforms, data, layout, encode);\n"
    )


def _vega(kind: ChartKind) -> dict[str, Any]:
    import vl_convert

    compiled: dict[str, Any] = vl_convert.vegalite_to_vega(vega_lite(kind), vl_version=vega_lite_version())
    return compiled


def _drawing() -> str:
    return (resources.files("repo_agent_dagster.reports") / "templates" / "charts.js").read_text("utf-8")


def _origin() -> str:
    """Name what the script is made from, without loading it: libraries by version, our own parts by content."""
    here = resources.files("repo_agent_dagster.reports.charts")
    parts = [f"{library} {metadata.version(library)}" for library in _LIBRARIES]
    parts += [_drawing(), *((here / name).read_text("utf-8") for name in ("specs.py", "palette.py", "runtime.py"))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
