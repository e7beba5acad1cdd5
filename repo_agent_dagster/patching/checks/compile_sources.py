"""Compile every Python file of a tree and print what does not compile, as JSON ``[[file, line, message], …]``.

Run as ``python3 -I -S -c <this file> ROOT`` by the Python that the project uses; executes and writes nothing.
"""

import json
import os
import sys
import warnings

SKIPPED = {"node_modules", "__pycache__", "venv"}

warnings.simplefilter("ignore")  # "invalid escape sequence" and its like are no errors
root = sys.argv[1]
found = []
for folder, folders, names in os.walk(root):
    folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
    for name in sorted(names):
        path = os.path.join(folder, name)  # noqa: PTH118 - on thousands of files, pathlib is most of the time
        if not name.endswith(".py") or os.path.islink(path):  # noqa: PTH114 - likewise
            continue
        file = os.path.relpath(path, root)
        try:
            with open(path, "rb") as source:  # noqa: PTH123 - likewise
                compile(source.read(), file, "exec", dont_inherit=True)
        except SyntaxError as error:
            found.append((file, error.lineno or 0, error.msg))
        except (ValueError, RecursionError, MemoryError) as error:  # a NUL; nested beyond the parser's limits
            found.append((file, 0, str(error) or type(error).__name__))
print(json.dumps(found))
