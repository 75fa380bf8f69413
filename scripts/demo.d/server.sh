# A server of the demo's own on a free port and a temporary folder, real samples, and short words for asking it.
# Sourced by the parts of scripts/demo; needs lib.sh.

# prepare GROUP... - the program, and these groups of samples.
prepare() {
  SAMPLES=${SHELFMARK_SAMPLES:-data/samples}
  BIN=${SHELFMARK_BIN:-}
  [ -n "$BIN" ] || build
  [ -x "$BIN" ] || die "$BIN is not a program; let SHELFMARK_BIN name a built shelfmark, or unset it"
  BIN=$(realpath "$BIN")
  unset "${!SHELFMARK_@}" # the settings of another server are none of this one's business
  scripts/fetch-samples "$SAMPLES" "$@"
  SAMPLES=$(realpath "$SAMPLES")
  WORK=$(mktemp -d)
  at_exit clean_up
}

build() {
  need_rust
  need cc:build-essential
  say "building shelfmark in release mode; the first time this takes several minutes"
  cargo build --release --locked
  BIN="${CARGO_TARGET_DIR:-target}/release/shelfmark"
}

# Runs first of what happens at the end, within lib.sh, whose $status is the exit code of the script.
# shellcheck disable=SC2154
clean_up() {
  [ -z "${SERVER:-}" ] || end_process "$SERVER"
  if [ "$status" = 0 ]; then
    rm -rf "$WORK"
  else
    say "the demo failed; its files are in $WORK, the server's log is $WORK/server.log"
  fi
}

start_server() {
  local port
  port=$(free_port)
  export SHELFMARK_URL="http://127.0.0.1:$port" SHELFMARK_PROJECT=site
  SHELFMARK_TOKEN=smt_$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
  export SHELFMARK_TOKEN
  env -u SHELFMARK_URL -u SHELFMARK_PROJECT -u SHELFMARK_TOKEN SHELFMARK_BOOTSTRAP_TOKEN="$SHELFMARK_TOKEN" \
    "$BIN" serve --data "$WORK/data" --listen "127.0.0.1:$port" </dev/null >"$WORK/server.log" 2>&1 &
  SERVER=$!
  if ! wait_until 30 server_is_ready || ! is_running "$SERVER"; then
    tail -n 20 "$WORK/server.log" >&2
    die "the server did not become ready; its last lines stand above"
  fi
  say "server ready at $SHELFMARK_URL"
}

server_is_ready() { has_ended "$SERVER" || curl -fs -o /dev/null "$SHELFMARK_URL/readyz"; }

shelfmark() { "$BIN" "$@"; }

# timed COMMAND... - keeps its JSON for `answer` and adds its seconds to TOOK.
timed() {
  local start
  start=$(now_us)
  "$@" >"$WORK/answer.json" || die "'shelfmark ${*:2}' failed; what it said stands above"
  TOOK=$(jq -n "${TOOK:-0} + $(seconds_since "$start")")
}

answer() { jq -er "$1" "$WORK/answer.json" || die "no $1 in the answer: $(cat "$WORK/answer.json")"; }
