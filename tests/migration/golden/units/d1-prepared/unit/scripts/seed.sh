#!/bin/sh
# Fills the local database.
set -eu
cd "$(dirname "$0")/.."
npx wrangler d1 execute orders --local --file migrations/0001_init.sql
