#!/bin/sh
set -eu
sqlite3 "${INVENTORY_DB:-inventory.sqlite}" ".backup ${1:?where to}"
