#!/usr/bin/env bash
# Synthesizes the installation and checks the templates: cdk-nag, cfn-lint and asl-validator. The tools are pinned, and are
# installed once: Node's beside this file, Python's below ~/.cache/stackgate. Synthesis itself has no credentials, and
# nothing that it could reach.
set -euo pipefail
cd "$(dirname "$0")/.."
for program in node npm python3; do
  if ! command -v "$program" >/dev/null; then
    echo "synth: $program is not on the PATH; make synth needs Go, Node.js 20 or later with npm, and Python 3.9 or later" >&2
    exit 1
  fi
done
if [ "$(node -p 'Number(process.versions.node.split(".")[0]) >= 20')" != true ]; then
  echo "synth: Node.js $(node --version) is too old for CDK; install 20 or later" >&2
  exit 1
fi

lock="$(sha256sum infra/package-lock.json | cut -c1-16)"
if [ "$(cat infra/node_modules/.stackgate-lock 2>/dev/null)" != "$lock" ]; then
  (cd infra && npm ci --no-audit --no-fund --loglevel=error)
  echo "$lock" >infra/node_modules/.stackgate-lock
fi
linter="$(sed -n 's/^cfn-lint==//p' infra/requirements.txt)"
venv="${XDG_CACHE_HOME:-$HOME/.cache}/stackgate/cfn-lint-$linter"
if [ ! -x "$venv/bin/cfn-lint" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r infra/requirements.txt
fi

out=build/cdk.out
rm -rf "$out"
# The app is built first, so that go needs nothing from outside while it runs.
mkdir -p build
go build -o build/infra ./infra
nowhere=http://127.0.0.1:9
env -u AWS_PROFILE -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN -u AWS_ROLE_ARN -u AWS_WEB_IDENTITY_TOKEN_FILE \
  AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true \
  HTTP_PROXY=$nowhere HTTPS_PROXY=$nowhere http_proxy=$nowhere https_proxy=$nowhere GOPROXY=off \
  CDK_DISABLE_CLI_TELEMETRY=true JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20 \
  infra/node_modules/.bin/cdk synth --quiet --strict --app build/infra --output "$out"
echo "synth: cdk and cdk-nag: no findings in $(ls "$out"/*.template.json | wc -l) templates"

# W3005: a dependency that CDK writes down beside the reference that implies it.
"$venv/bin/cfn-lint" --ignore-checks W3005 --template "$out"/*.template.json
echo "synth: cfn-lint: no findings"

# The definitions as they are written, and as they stand in the templates with their functions named.
machines="$(python3 infra/substituted.py "$out" build/asl)"
for definition in statemachines/*.asl.json build/asl/*.json; do
  infra/node_modules/.bin/asl-validator --silent --json-path "$definition" ||
    { infra/node_modules/.bin/asl-validator --json-path "$definition"; exit 1; }
done
echo "synth: asl-validator: no findings in $(ls statemachines/*.asl.json | wc -l) files and in the definitions of $machines state machines"
python3 - "$out" <<'PYTHON'
import json, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.template.json")):
    text = path.read_text()
    print(f"synth: {len(json.loads(text)['Resources']):4} resources {len(text):8} bytes {path.name}")
PYTHON
