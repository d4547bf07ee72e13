#!/usr/bin/env bash
# Runs the store's contract against moto_server, an emulator of AWS in Python, over the wire. What it installs goes into a
# virtual environment under ~/.cache/stackgate; arguments are passed on to go test.
set -euo pipefail
cd "$(dirname "$0")"
version=5.2.5
venv="${XDG_CACHE_HOME:-$HOME/.cache}/stackgate/moto-$version"
if ! command -v python3 >/dev/null; then
  echo "moto.sh: python3 is missing; install it to run the contract against moto_server" >&2
  exit 1
fi
if [ ! -x "$venv/bin/moto_server" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "moto[server]==$version"
fi
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
log="$(mktemp)"
"$venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 100); do
  if python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/moto-api/data.json', timeout=1)" 2>/dev/null; then
    break
  fi
  if ! kill -0 "$server" 2>/dev/null; then
    cat "$log" >&2
    exit 1
  fi
  sleep 0.1
done
# The models of decisions and queues draw a hundred runs by default, which over HTTP takes minutes.
STACKGATE_MOTO="http://127.0.0.1:$port" go test -count=1 . "$@" -rapid.checks=10
