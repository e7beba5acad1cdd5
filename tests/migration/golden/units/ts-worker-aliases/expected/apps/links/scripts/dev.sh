#!/bin/sh
set -eu
cd "$(dirname "$0")/.."
sort -u lib/words.txt -o lib/words.txt
exec npx wrangler dev src/index.ts
