# The words of a system case; run.sh reads this first. Everything a case starts ends with it.

PYTHON=/usr/bin/python3
SUPPORT=$ROOT/tests/support
umask 022

_processes=()
_end_processes() {
  local process
  for process in "${_processes[@]}"; do kill "$process" 2>/dev/null && kill -CONT "$process" 2>/dev/null || true; done
  for process in "${_processes[@]}"; do wait "$process" 2>/dev/null || true; done
}
trap _end_processes EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "skipped: $*"; exit 77; }

# expect_fail CODE CMD...: CMD ends with exit status CODE. What it said is in $WORK/said.
expect_fail() {
  local wanted=$1 status=0
  shift
  "$@" >"$WORK/said" 2>&1 || status=$?
  [ "$status" = "$wanted" ] || fail "expected status $wanted, not $status, from: $* ($(head -c 500 "$WORK/said"))"
}

# expect_said TEXT: the last expect_fail's command printed TEXT.
expect_said() { grep -qF -- "$1" "$WORK/said" || fail "expected to read '$1' in: $(head -c 500 "$WORK/said")"; }

# CMD | says [-F...] PATTERN: the output has a line like PATTERN. Reads to the end: after `| grep -q`, which leaves at the
# first hit, CMD may find nobody who reads what it still writes, and fail.
says() { local text; text=$(tr -d '\0'; echo .); grep -q "$@" <<<"${text%.}"; }
# CMD | first: its first line.
first() { local text; text=$(cat; echo .); text=${text%.}; printf '%s\n' "${text%%$'\n'*}"; }

expect_equal() { [ "$1" = "$2" ] || fail "expected '$2', not '$1'${3:+ ($3)}"; }

# A port of loopback where nothing listens; not one of those that the kernel gives to clients, which could take it in
# between.
free_port() {
  $PYTHON -c 'import random, socket
while True:
  port = random.randrange(10000, 32000)
  try: socket.socket().bind(("127.0.0.1", port))
  except OSError: continue
  print(port)
  break'
}

# until_true SECONDS CMD...: waits until CMD succeeds.
until_true() {
  local tries=$(($1 * 20 * ${GRANARY_PATIENCE:-1}))
  shift
  while ! "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "waited in vain for: $*"
    sleep 0.05
  done
}

_connects() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }
wait_for_port() { until_true 20 _connects "$1"; }

# background CMD...: runs until the case ends; its number is in $started, its output in $WORK/background.$started.
background() {
  local log
  log=$(mktemp "$WORK/background.XXXXXX")
  "$@" >"$log" 2>&1 &
  started=$!
  started_log=$log
  _processes+=("$started")
}

# start_nginx DIR: a web server on DIR's files; $port and $url say where. Its log of requests is $WORK/nginx/access.log.
start_nginx() {
  local dir account=
  dir=$(realpath "$1")
  port=$(free_port)
  url=http://127.0.0.1:$port
  mkdir -p "$WORK/nginx"
  [ "$(id -u)" != 0 ] || account="user root;"
  cat >"$WORK/nginx/nginx.conf" <<END
$account
daemon off;
worker_processes 2;
pid $WORK/nginx/pid;
error_log $WORK/nginx/error.log;
events { worker_connections 1024; }
http {
  access_log $WORK/nginx/access.log;
  client_body_temp_path $WORK/nginx/body;
  proxy_temp_path $WORK/nginx/proxy;
  fastcgi_temp_path $WORK/nginx/fastcgi;
  uwsgi_temp_path $WORK/nginx/uwsgi;
  scgi_temp_path $WORK/nginx/scgi;
  sendfile on;
  keepalive_requests 100000;
  default_type application/octet-stream;
  ${NGINX_HTTP:-}
  server { listen 127.0.0.1:$port; root $dir; ${NGINX_SERVER:-} }
}
END
  background nginx -p "$WORK/nginx" -c "$WORK/nginx/nginx.conf" -e "$WORK/nginx/error.log"
  nginx_process=$started
  wait_for_port "$port"
}

# start_serve DIR [OPTIONS...]: granary's own server on DIR; $port and $url say where.
start_serve() {
  local dir=$1
  shift
  port=$(free_port)
  url=http://127.0.0.1:$port
  background "$GRANARY" serve "$dir" --listen "127.0.0.1:$port" "$@"
  serve_process=$started
  wait_for_port "$port"
}

# start_link [OPTIONS...]: a narrow, long link (support/emulated_link.h) to the server at $port; from now on $port and
# $url lead through it. OPTIONS are emulated-link's, such as --rate 10M --rtt 50ms.
start_link() {
  background emulated-link --to "127.0.0.1:$port" "$@"
  link_process=$started
  link_log=$started_log
  until_true 20 grep -q '^http' "$link_log"
  url=$(head -1 "$link_log")
  port=${url##*:}
}

# link_carried KEY: what the link has carried so far: up_bytes, down_bytes or connections.
link_carried() {
  local before
  before=$(wc -l <"$link_log")
  kill -USR1 "$link_process"
  until_true 20 awk -v before="$before" 'NR > before { found = 1 } END { exit !found }' "$link_log"
  tail -1 "$link_log" | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

stop() { kill "$1" 2>/dev/null || true; wait "$1" 2>/dev/null || true; }

is_mounted() { awk -v target="$(realpath "$1")" '$5 == target { found = 1 } END { exit !found }' /proc/self/mountinfo; }

# ended PROCESS: it is gone, or a zombie whose parent takes its time.
ended() { ! grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status" 2>/dev/null; }

# stopped_child PARENT [BUT]: a child of PARENT, other than BUT, that was stopped (GRANARY_STOP_AT).
stopped_child() {
  local child
  for child in $(pgrep -P "$1"); do
    [ "$child" != "${2:-}" ] && grep -q '^State:.T' "/proc/$child/status" && echo "$child" && return
  done
  return 1
}

# small_tree DIR, reference_tree DIR: a real Debian 12 system with every kind of entry; made once a machine.
_tree() { HOME=$OUTER_HOME bash "$SUPPORT/make-reference-tree.sh" "$1" "$2" || skip "cannot make a $2 tree here"; }
small_tree() { _tree "$1" small; }
reference_tree() { _tree "$1" reference; }

# oddities DIR: a tree of some fifty entries with every kind that is easily lost; needs root, fetches nothing.
oddities() {
  mkdir -p "$1"
  $PYTHON "$SUPPORT/add_oddities.py" "$1"
  $PYTHON "$SUPPORT/add_oddities.py" --sockets "$1"
}

# same_tree SOURCE COPY [OPTIONS...]: entry by entry, byte by byte, xattrs and hard links included.
same_tree() {
  local source=$1 copy=$2
  shift 2
  $PYTHON "$SUPPORT/compare_trees.py" "$@" "$source" "$copy" || fail "$copy differs from $source"
}

# loop_disk DIR SIZE [MKFS OPTIONS...]: an ext4 file system of its own at DIR, from $DIR.img through $loop_device.
loop_disk() {
  local dir=$1 size=$2
  shift 2
  truncate -s "$size" "$dir.img"
  mkfs.ext4 -q -F -m 0 "$@" "$dir.img"
  mkdir -p "$dir"
  mount -o loop "$dir.img" "$dir" 2>"$WORK/loop.log" || skip "no loop devices here: $(cat "$WORK/loop.log")"
  loop_device=$(findmnt -no SOURCE "$dir")
}

# random_files DIR COUNT BYTES: files DIR/file-1 ... that do not compress.
random_files() {
  mkdir -p "$1"
  local i
  for i in $(seq "$2"); do head -c "$3" /dev/urandom >"$1/file-$i"; done
}

# json KEY[.KEY...] FILE: one value of a JSON answer.
json() {
  $PYTHON -c 'import json, sys
value = json.load(open(sys.argv[2]))
for key in sys.argv[1].split("."):
    value = value[int(key)] if isinstance(value, list) else value[key]
print(value if not isinstance(value, bool) else str(value).lower())' "$1" "$2"
}
