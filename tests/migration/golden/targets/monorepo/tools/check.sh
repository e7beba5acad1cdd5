#!/bin/sh
# Type-checks every package that has a tsconfig.json.
set -eu
for project in packages/*/tsconfig.json apps/*/tsconfig.json; do
  tsc --noEmit -p "$project"
done
