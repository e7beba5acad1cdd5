#!/bin/sh
set -eu
curl --fail --silent "http://localhost:8080/api/board/cards" > /dev/null
test -f site/index.html