# ruff: noqa: E501 - the repositories read better with their lines whole
"""Repositories that go wrong, or mean harm: their files, what is asked of them, and the verdict that each must get."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from repo_agent_dagster.contracts.testing import TestingVerdict as Verdict

SECRET = "kept-on-the-host-4711"  # what the host's environment holds while these run

_PASSING = "def test_a():\n    assert 1 + 1 == 2\n"


@dataclass(frozen=True)
class Repository:
    """One repository: text or bytes by path, symlinks by path, and the verdicts that may be given."""

    name: str
    files: Mapping[str, str | bytes]
    verdicts: frozenset[Verdict]
    links: Mapping[str, str] = field(default_factory=dict)
    payload: Mapping[str, object] = field(default_factory=dict)


def _one(
    name: str,
    files: Mapping[str, str | bytes],
    *verdicts: Verdict,
    links: Mapping[str, str] | None = None,
    **payload: object,
) -> Repository:
    return Repository(name, files, frozenset(verdicts), links or {}, payload)


PYTHON = "requirements-test.txt"
REPOSITORIES = [
    _one("python, passing", {"test_a.py": _PASSING}, Verdict.PASSED),
    _one("python, failing", {"test_a.py": "def test_a():\n    assert 1 + 1 == 3\n"}, Verdict.FAILED),
    _one(
        "node, passing",
        {
            "package.json": '{"name": "a", "scripts": {"test": "node --test"}}',
            "a.test.js": "require('node:test')('a', () => {});\n",
        },
        Verdict.PASSED,
    ),
    _one(
        "node, failing",
        {
            "package.json": '{"name": "a", "scripts": {"test": "node --test"}}',
            "a.test.js": "require('node:test')('a', () => { throw new Error('no'); });\n",
        },
        Verdict.FAILED,
    ),
    _one(
        "flaky: every second of its runs fails",
        {
            "test_a.py": (
                "import os, pathlib\n\n\ndef test_a():\n"
                "    seen = pathlib.Path(os.environ['HOME'], 'seen')\n"
                "    count = len(seen.read_text()) if seen.exists() else 0\n"
                "    seen.write_text('x' * (count + 1))\n"
                "    assert count % 2\n\n\n" + _PASSING.replace("test_a", "test_b")
            )
        },
        Verdict.FLAKY,
        Verdict.FAILED,  # where every run has a home of its own it fails each time
        repeat=4,
    ),
    _one(
        "hanging, deaf to signals",
        {
            "test_a.py": (
                "import signal, subprocess, time\n\n\ndef test_a():\n"
                "    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n"
                "        signal.signal(number, signal.SIG_IGN)\n"
                "    subprocess.Popen(['setsid', 'nohup', 'sleep', '600'])\n"
                "    time.sleep(600)\n"
            )
        },
        Verdict.TIMED_OUT,
        timeout_seconds=6,
    ),
    _one(
        "forking: children outlive the suite",
        {
            "test_a.py": (
                "import subprocess\n\n\ndef test_a():\n"
                "    subprocess.Popen('(sleep 600 &) &', shell=True)\n"
                "    subprocess.Popen(['setsid', 'sh', '-c', 'while true; do echo still here; sleep 1; done'])\n"
            )
        },
        Verdict.PASSED,
        timeout_seconds=20,
    ),
    _one(
        "fork bomb",
        {"test_a.py": "import os\n\n\ndef test_a():\n    while True:\n        os.fork()\n"},
        Verdict.FAILED,
        Verdict.TIMED_OUT,
        Verdict.UNTRUSTED,
        timeout_seconds=8,
    ),
    _one(
        "a great deal of output",
        {
            "test_a.py": (
                "import os\n\n\ndef test_a(capfd):\n    with capfd.disabled():\n"
                "        for _ in range(2048):\n            os.write(1, (b'x' * 127 + b'\\n') * 512)\n"
            )
        },
        Verdict.PASSED,
        timeout_seconds=120,
    ),
    _one(
        "binary output",
        {
            "test_a.py": (
                "import os\n\n\ndef test_a(capfd):\n    with capfd.disabled():\n"
                "        os.write(1, bytes(range(256)) * 64 + b'\\x00\\xff\\xfe\\n\\x1b[31m\\r\\n' * 50)\n"
            )
        },
        Verdict.PASSED,
    ),
    _one("no tests", {"README.md": "# Nothing\n"}, Verdict.NO_TESTS),
    _one(
        "every test skipped",
        {"test_a.py": "import pytest\n\npytest.skip('all', allow_module_level=True)\n"},
        Verdict.NO_TESTS,
    ),
    _one(
        "broken install",
        {"test_a.py": _PASSING, PYTHON: "no-such-package-of-anybody-4711==99.9\n"},
        Verdict.SETUP_FAILED,
    ),
    _one(
        "test that needs the network",
        {
            "test_a.py": (
                "import socket\n\n\ndef test_a():\n"
                "    socket.setdefaulttimeout(3)\n    socket.create_connection(('192.0.2.1', 80))\n"
            )
        },
        Verdict.FAILED,
    ),
    _one(
        "test that looks for secrets",
        {
            "test_a.py": (
                "import os, pathlib, subprocess\n\n\ndef test_a():\n"
                f"    wanted = {SECRET[::-1]!r}[::-1]\n"
                "    assert wanted not in str(dict(os.environ))\n"
                "    for place in pathlib.Path('/proc').glob('[0-9]*/environ'):\n"
                "        try:\n            assert wanted.encode() not in place.read_bytes()\n"
                "        except PermissionError:\n            pass\n"
                "    assert not os.path.exists('/var/run/docker.sock')\n"
                "    assert os.getuid() != 0\n"
                "    assert subprocess.run(['grep', '-c', 'CapEff:.*0000000000000000', '/proc/self/status']).returncode == 0\n"
                "    told = subprocess.run(['git', 'config', '--get-regexp', 'url|credential|remote'], capture_output=True)\n"
                "    assert not told.stdout\n"
            )
        },
        Verdict.PASSED,
    ),
    _one(
        "hooks and filters",
        {
            "test_a.py": (
                "import os, subprocess\n\n\ndef test_a():\n"
                "    subprocess.run(['git', 'commit', '-q', '--allow-empty', '-m', 'x'], check=True)\n"
                "    assert not os.path.exists('/tmp/pwned')\n    assert open('filtered.txt').read() == 'plain\\n'\n"
            ),
            ".gitattributes": "filtered.txt filter=evil ident\n*.py diff=evil\n",
            "filtered.txt": "plain\n",
            ".gitconfig": '[filter "evil"]\n\tsmudge = touch /tmp/pwned\n[core]\n\tfsmonitor = touch /tmp/pwned\n',
            ".githooks/post-checkout": "#!/bin/sh\ntouch /tmp/pwned\n",
            "hooks/post-checkout": "#!/bin/sh\ntouch /tmp/pwned\n",
        },
        Verdict.PASSED,
    ),
    _one(
        "symlinks to the host",
        {"test_a.py": "def test_a():\n    assert 'root' in open('passwd').read()\n"},
        Verdict.PASSED,  # it is the sandbox's own /etc/passwd
        links={
            "passwd": "/etc/passwd",
            "up": "../../../../etc/hostname",
            "package.json": "/etc/passwd",
        },
    ),
    _one("a giant file", {"test_a.py": _PASSING, "blob.bin": os.urandom(1 << 20) * 64}, Verdict.PASSED),
    _one(
        "disk filler",
        {
            "test_a.py": (
                "def test_a():\n    with open('/workspace/full', 'wb') as file:\n"
                "        while True:\n            file.write(b'x' * (1 << 20))\n"
            )
        },
        Verdict.FAILED,
        Verdict.UNTRUSTED,
        timeout_seconds=60,
    ),
    _one(
        "memory eater",
        {"test_a.py": "def test_a():\n    held = []\n    while True:\n        held.append(bytearray(1 << 24))\n"},
        Verdict.FAILED,
        Verdict.UNTRUSTED,
        timeout_seconds=60,
    ),
    _one(
        "artifacts that want out",
        {
            "test_a.py": (
                "import io, os, tarfile\n\n\ndef test_a():\n"
                "    os.makedirs('test-results', exist_ok=True)\n"
                "    os.symlink('/etc/passwd', 'test-results/screenshot.png')\n"
                "    with tarfile.open('test-results/trace.tar', 'w') as archive:\n"
                "        member = tarfile.TarInfo('../../../../tmp/out')\n        member.size = 3\n"
                "        archive.addfile(member, io.BytesIO(b'out'))\n"
                "    os.mkfifo('test-results/fifo.png')\n"
            )
        },
        Verdict.PASSED,
    ),
    _one(
        "a report that lies",
        {
            "test_a.py": "def test_a():\n    assert 1 == 2\n",
            "conftest.py": (
                "import os, sys\n\n\ndef pytest_sessionfinish(session):\n"
                "    for option in sys.argv:\n        if option.startswith('--junitxml='):\n"
                "            with open(option.partition('=')[2], 'w') as report:\n"
                '                report.write(\'<testsuites><testsuite><testcase classname="t" name="a"/></testsuite></testsuites>\')\n'
                "    os._exit(0)\n"
            ),
        },
        Verdict.UNTRUSTED,
        Verdict.FAILED,
    ),
    _one(
        "a suite that ends in the middle",
        {
            "test_a.py": "import os\n\n\ndef test_a():\n    pass\n\n\ndef test_b():\n    os._exit(0)\n\n\ndef test_c():\n    assert False\n"
        },
        Verdict.UNTRUSTED,
    ),
]
