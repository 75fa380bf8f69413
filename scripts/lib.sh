# Functions that the scripts share. Sourced, not run; every caller has `set -euo pipefail`.
# Messages go to stderr, so that a caller's stdout stays free for what it answers.

say() { printf '%s\n' "$*" >&2; }

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Prints the comment at the head of the calling script: its own description is its help.
usage() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

have() { command -v "$1" >/dev/null 2>&1; }

# need COMMAND:PACKAGE... - makes sure that the commands are there, each from its Debian package.
# Installs what is missing when it may (root on Debian), otherwise names it and fails.
need() {
  local pair packages=()
  for pair in "$@"; do
    have "${pair%%:*}" || packages+=("${pair#*:}")
  done
  [ ${#packages[@]} -eq 0 ] || install_packages "${packages[@]}"
}

install_packages() {
  have apt-get || die "missing: $*. Install them with this system's package manager, then run this again."
  [ "$(id -u)" = 0 ] || die "missing: $*. Run 'sudo apt-get update && sudo apt-get install $*', then run this again."
  say "installing Debian packages: $*"
  update_packages
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >&2 </dev/null ||
    die "apt-get could not install: $*. Its message stands above."
}

# Reads the package lists once in the life of a script.
update_packages() {
  [ -z "${PACKAGES_UPDATED:-}" ] || return 0
  apt-get -qq update >&2 || die "'apt-get update' failed. Check the network and the package sources, then run this again."
  PACKAGES_UPDATED=1
}

need_rust() {
  local cargo_bin="${CARGO_HOME:-$HOME/.cargo}/bin"
  case ":$PATH:" in *":$cargo_bin:"*) ;; *) PATH="$cargo_bin:$PATH" ;; esac
  have cargo || die "Rust is not here. Install it with rustup (https://rustup.rs), then run this again."
}

# need_rust_component cargo-clippy clippy - a part of the toolchain that a minimal installation leaves out.
need_rust_component() {
  "$1" --version >/dev/null 2>&1 && return 0
  have rustup || die "$1 is missing from this Rust installation. Install the toolchain's component $2."
  rustup component add "$2" >&2 || die "'rustup component add $2' failed. Its message stands above."
}

# Prints a loopback port on which nothing listens, below the range that outgoing connections take theirs from.
free_port() {
  local port
  for _ in {1..200}; do
    port=$((20000 + RANDOM % 12000))
    port_answers "$port" || { echo "$port"; return; }
  done
  die "no free port found between 20000 and 32000 on 127.0.0.1"
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# wait_until SECONDS COMMAND... - asks ten times a second; false when the time is over.
wait_until() {
  local tries=$(($1 * 10))
  shift
  while [ "$tries" -gt 0 ]; do
    "$@" && return 0
    tries=$((tries - 1))
    sleep 0.1
  done
  return 1
}

is_running() { kill -0 "$1" 2>/dev/null; }
has_ended() { ! is_running "$1"; }

# end_process PID - asks it to end, insists after ten seconds.
end_process() {
  is_running "$1" || return 0
  kill "$1" 2>/dev/null || return 0
  wait_until 10 has_ended "$1" || kill -9 "$1" 2>/dev/null || true
}

# at_exit COMMAND... - runs it when the script ends, however it ends; the last one registered runs first.
AT_EXIT=()
at_exit() {
  AT_EXIT=("$(printf '%q ' "$@")" "${AT_EXIT[@]}")
  trap run_at_exit EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

run_at_exit() {
  local status=$? command
  set +e
  trap '' INT TERM
  for command in "${AT_EXIT[@]}"; do eval "$command"; done
  exit "$status"
}

# Microseconds since 1970, for measuring.
now_us() { echo "${EPOCHREALTIME/[.,]/}"; }

# seconds_since MICROSECONDS - the time since then, as 12.345.
seconds_since() {
  local us=$(($(now_us) - $1))
  printf '%d.%03d\n' $((us / 1000000)) $((us % 1000000 / 1000))
}
