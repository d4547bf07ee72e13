#!/usr/bin/env bash
# Runs what needs somebody else's programs: the store's contract, the events and announcements and the state machines on
# moto_server, an emulator of AWS in Python, and cfn-lint on the example's templates. What it installs goes into virtual
# environments under ~/.cache/stackgate. Without Python or the packages it says so and is done: nothing else is tested here.
set -euo pipefail
cd "$(dirname "$0")/../.."
moto_version="$(sed -n "s/^version=//p" internal/store/dynamo/moto.sh)"
# The version that make synth checks the installation's templates with.
lint_version="$(sed -n 's/^cfn-lint==//p' infra/requirements.txt)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/stackgate"

skip() {
  echo "interop: SKIPPED, $1" >&2
  exit 0
}

# install VERSIONED-NAME PROGRAM REQUIREMENT: one virtual environment each, whole or not at all.
install() {
  local venv="$cache/$1"
  [ -x "$venv/bin/$2" ] && return
  rm -rf "$venv"
  if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$3"; }; then
    rm -rf "$venv"
    skip "$3 cannot be installed (see above)"
  fi
}

command -v python3 >/dev/null || skip "python3 is missing; install it to run moto_server and cfn-lint"
mkdir -p "$cache"
install "moto-$moto_version" moto_server "moto[server]==$moto_version"
install "cfn-lint-$lint_version" cfn-lint "cfn-lint==$lint_version"

echo "interop: cfn-lint $lint_version on the example's templates"
CFN_LINT="$cache/cfn-lint-$lint_version/bin/cfn-lint" go test -count=1 -run TestCfnLint ./services
echo "interop: the store's contract on moto's DynamoDB and S3"
internal/store/dynamo/moto.sh
echo "interop: state machines, compiled functions, events and announcements, solo mode on moto"
STACKGATE_MOTO_SERVER="$cache/moto-$moto_version/bin/moto_server" go test -count=1 -parallel 8 -timeout 10m ./test/interop "$@"
