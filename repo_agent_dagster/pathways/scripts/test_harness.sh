#!/usr/bin/env bash
# Start a test command beside the programs that make its runners report.
#
#   test_harness.sh FOLDER COMMAND [ARGUMENT…]
#
# FOLDER holds the programs and a file `digests` with their SHA-256; the command runs only if they agree. What it leaves
# in FOLDER/reports is its account. Exit code: the command's own; 126 if a program is not what was put there.
set -u
folder=$1
shift
if ! (cd -- "$folder" && sha256sum --check --quiet --strict digests) >&2; then
    echo "the programs in $folder are not those that were put there; the tests were not started" >&2
    exit 126
fi
exec "$@"
