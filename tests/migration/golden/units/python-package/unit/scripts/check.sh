#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
python3 -m pytest tests
python3 -m ledger cash=1.00 < src/ledger/data/vat.txt
