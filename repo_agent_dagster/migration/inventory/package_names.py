"""Which package an import means: its name in its registry, or what the platform brings by itself."""

import re
import sys

from repo_agent_dagster.migration.inventory.model import Ecosystem

_NODE = frozenset(
    {
        "assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram",
        "diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2", "https", "inspector", "module", "net",
        "os", "path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "stream",
        "string_decoder", "sys", "timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm", "wasi",
        "worker_threads", "zlib",
    }
)  # fmt: skip
_SCHEME = re.compile(r"[a-z][a-z+.-]*:")
_PLATFORM_SCHEMES = ("node:", "bun:", "cloudflare:", "deno:", "workerd:", "astro:", "virtual:")
_PYPI = {
    "yaml": "pyyaml", "PIL": "pillow", "cv2": "opencv-python", "sklearn": "scikit-learn", "bs4": "beautifulsoup4",
    "dotenv": "python-dotenv", "dateutil": "python-dateutil", "jwt": "pyjwt", "attr": "attrs", "git": "gitpython",
    "github": "pygithub", "magic": "python-magic", "serial": "pyserial", "docx": "python-docx", "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary", "OpenSSL": "pyopenssl", "Crypto": "pycryptodome", "fitz": "pymupdf",
    "slugify": "python-slugify", "jose": "python-jose", "multipart": "python-multipart", "MySQLdb": "mysqlclient",
    "google.protobuf": "protobuf", "telegram": "python-telegram-bot", "discord": "discord-py", "zmq": "pyzmq",
}  # fmt: skip


def npm_package(specifier: str) -> tuple[Ecosystem, str] | None:
    """Return the package of a TypeScript or JavaScript specifier; None for what is no package name."""
    if specifier.startswith(_PLATFORM_SCHEMES):
        return "platform", specifier.partition("?")[0]
    if specifier.startswith(("http:", "https:", "//")):
        return "url", specifier
    if specifier.startswith(("npm:", "jsr:")):
        specifier = specifier.partition(":")[2].lstrip("/")
    elif _SCHEME.match(specifier):
        return "platform", specifier
    parts = specifier.split("/")
    wanted = 2 if specifier.startswith("@") else 1
    name = "/".join(parts[:wanted])
    name = name if not name.startswith("@") else "@" + name[1:].partition("@")[0]
    if not specifier.startswith("@"):
        name = name.partition("@")[0]
    if len(parts) < wanted or re.fullmatch(r"(?:@[A-Za-z0-9._~-]+/)?[A-Za-z0-9_.~-][A-Za-z0-9._~-]*", name) is None:
        return None
    if name.startswith(("~", ".")):
        return None
    return ("platform", f"node:{name}") if name in _NODE else ("npm", name)


def pypi_package(module: str) -> tuple[Ecosystem, str]:
    """Return the distribution of an absolute Python module, by its usual name on PyPI, normalised."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return "platform", top
    two = ".".join(module.split(".")[:2])
    return "pypi", normalised(_PYPI.get(two) or _PYPI.get(top) or top)


def go_package(path: str, required: frozenset[str]) -> tuple[Ecosystem, str]:
    """Return the module of a Go import: the longest one that go.mod requires, else its first three path elements."""
    if "." not in path.partition("/")[0]:
        return "platform", path
    parts = path.split("/")
    for length in range(len(parts), 0, -1):
        if (prefix := "/".join(parts[:length])) in required:
            return "go", prefix
    return "go", "/".join(parts[:3])


def normalised(name: str) -> str:
    """Return a Python distribution's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
