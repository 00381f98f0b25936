#!/usr/bin/env bash
# Runs `gppy watch`, one window of tmux a telescope.
#
#   gppy_tmux.sh start [UNIT...]   opens what is missing, leaves alone what runs, revives what ended
#   gppy_tmux.sh status            the windows and whether they run
#   gppy_tmux.sh attach            look at them; Ctrl-b d leaves
#   gppy_tmux.sh stop [UNIT...]    asks the watchers to end: running stages end first
#
#   -S SOCKET      a socket that others may use too, such as /run/gppy/tmux.sock
#   -s USER[,...]  with -S: these users may attach
#
# Without units those of the list are taken: one a line, # begins a comment. The list is
# $GPPY_UNITS, else units.txt in the site folder ($GPPY_CONFIG), else ~/.config/gppy/units.txt.
# All watchers share one journal, so a telescope in two windows is no harm.
set -euo pipefail

session=${GPPY_SESSION:-gppy}
gppy=${GPPY:-$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)/gppy}
socket=
share=

usage() { sed -nE '2,/^set/{/^set/d; s/^# ?//; p}' "${BASH_SOURCE[0]}"; }
fail() { echo "gppy_tmux: $*" >&2; exit 2; }
mux() { tmux ${socket:+-S "$socket"} "$@"; }
has_session() { mux has-session -t "=$session" 2>/dev/null; }

units_file() {
  if [ -n "${GPPY_UNITS:-}" ]; then echo "$GPPY_UNITS"
  elif [ -n "${GPPY_CONFIG:-}" ] && [ -f "$GPPY_CONFIG/units.txt" ]; then echo "$GPPY_CONFIG/units.txt"
  else echo "${XDG_CONFIG_HOME:-$HOME/.config}/gppy/units.txt"
  fi
}

list_units() {
  local file
  file=$(units_file)
  [ -f "$file" ] || fail "no units given, and no list at $file (one unit a line)"
  sed -E 's/#.*//; s/[[:space:]]//g; /^$/d' "$file"
}

# unit, process, 1 if it has ended
windows() { mux list-panes -s -t "=$session" -F '#{window_name} #{pane_pid} #{pane_dead}' 2>/dev/null || true; }

start_unit() {
  local unit=$1 state command
  printf -v command 'exec %q watch %q' "$gppy" "$unit"
  state=$(windows | awk -v unit="$unit" '$1 == unit { print $3; exit }')
  if [ "$state" = 0 ]; then
    echo "$unit: runs already"
  elif [ "$state" = 1 ]; then
    mux respawn-window -t "=$session:=$unit" "$command"
    echo "$unit: started again"
  elif has_session; then
    mux new-window -d -t "=$session:" -n "$unit" "$command"
    echo "$unit: started"
  else
    mux new-session -d -s "$session" -n "$unit" "$command" \; set-option -g remain-on-exit on
    echo "$unit: started"
  fi
  mux set-option -w -t "=$session:=$unit" automatic-rename off \; \
    set-option -w -t "=$session:=$unit" remain-on-exit on
}

share_socket() {
  [ -n "$socket" ] && [ -n "$share" ] || return 0
  chmod 660 "$socket"
  local user
  for user in ${share//,/ }; do mux server-access -a "$user" || true; done
}

stop_units() {
  local name pid dead
  windows | while read -r name pid dead; do
    if [ "$dead" = 1 ]; then continue; fi
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
    kill -TERM "$pid" && echo "$name: asked to end"
  done
}

while getopts 'S:s:h' option; do
  case $option in
    S) socket=$OPTARG ;;
    s) share=$OPTARG ;;
    h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
command -v tmux >/dev/null || fail "tmux is not installed"

action=${1:-status}
shift || true
case $action in
  start)
    if [ $# -eq 0 ]; then
      list=$(list_units)
      # shellcheck disable=SC2086 # a list of names
      set -- $list
    fi
    [ $# -gt 0 ] || fail "the list $(units_file) names no unit"
    for unit in "$@"; do start_unit "$unit"; done
    share_socket
    ;;
  stop) stop_units "$@" ;;
  status)
    has_session || { echo "no watcher runs in tmux"; exit 1; }
    windows | awk '{ print $1 ": " ($3 == 1 ? "has ended" : "runs, process " $2) }'
    ;;
  attach)
    if [ -n "$socket" ]; then exec tmux -S "$socket" attach-session -t "=$session"; fi
    exec tmux attach-session -t "=$session"
    ;;
  *) usage >&2; exit 2 ;;
esac
