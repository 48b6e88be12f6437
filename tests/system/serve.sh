# A repository served by `granary serve`, and by nginx with the configuration in tools/examples: both hand out what the
# format makes public, with the headers that caches need, and nothing else.

repo=$WORK/repo
"$GRANARY" init "$repo" --name sw.example.org --keys "$WORK/keys" >"$WORK/init.out"
mkdir -p "$WORK/tree/etc"
echo "hello" >"$WORK/tree/etc/motd"
"$GRANARY" publish "$repo" "$WORK/tree" >"$WORK/publish.out"
echo "not for you" >"$repo/secret"
ln -s ../secret "$repo/log/77.json"
object=$(cd "$repo" && find objects -type f | first)

# answer PATH [CURL OPTIONS...]: the status; headers and body lie in $WORK/headers and $WORK/body.
answer() {
  local path=$1
  shift
  curl --silent --noproxy '*' --path-as-is --dump-header "$WORK/headers" --output "$WORK/body" \
    --write-out '%{http_code}' "$@" "$url/$path"
}
header() { sed -n "s/^$1: \(.*\)\r\$/\1/Ip" "$WORK/headers"; }

serves_what_is_public() {
  local path tag
  for path in head.json log/1.json root/1.json format.md "$object"; do
    expect_equal "$(answer "$path")" 200 "$path"
    cmp "$WORK/body" "$repo/$path" || fail "$path came out different"
  done
  for path in log/1.json root/1.json "$object"; do
    answer "$path" >"$WORK/status"
    expect_equal "$(header cache-control)" "public, max-age=31536000, immutable" "$path"
    expect_equal "$(answer "$path" --head)" 200 "HEAD $path"
  done
  expect_equal "$(answer head.json)" 200
  expect_equal "$(header cache-control)" no-cache
  tag=$(header etag)
  expect_equal "$(answer head.json --header "If-None-Match: $tag")" 304
  case $(header content-length) in "" | "$(stat -c %s "$repo/head.json")") ;; *) fail "a 304 that would empty caches" ;; esac
  [ -n "$(header last-modified)" ] || fail "no Last-Modified"
  echo "hello again" >>"$WORK/tree/etc/motd"
  "$GRANARY" publish "$repo" "$WORK/tree" >"$WORK/publish.out"
  expect_equal "$(answer head.json --header "If-None-Match: $tag")" 200 "a new head"
}

serves_nothing_else() {
  local path status
  for path in "" .granary .granary/ %2egranary/ objects objects/ "${object%/*}/" secret log/77.json log/0.json log/999.json \
    objects/../secret objects/%2e%2e/secret ../secret keys "${object}x"; do
    status=$(answer "$path")
    case $status in 400 | 403 | 404) ;; *) fail "$path was answered with $status" ;; esac
    ! grep -q "not for you" "$WORK/body" || fail "$path gave the secret away"
  done
}

start_serve "$repo" --access-log
serves_what_is_public
serves_nothing_else
grep -q "^info served client=127.0.0.1 method=GET path=/head.json status=200" "$started_log" || fail "no access log"
expect_fail 11 "$GRANARY" serve "$repo" --listen "127.0.0.1:$port"
expect_said "somebody else"
kill -TERM "$serve_process"
status=0
wait "$serve_process" || status=$?
expect_equal "$status" 0 "after SIGTERM"

expect_fail 12 "$GRANARY" serve "$WORK/tree" --listen 127.0.0.1:0
expect_said "granary init"
expect_fail 3 "$GRANARY" serve "$repo" --listen nonsense

background "$GRANARY" serve "$repo" --listen 127.0.0.1:0 --json
until_true 20 grep -q url "$started_log"
url=$(json url "$started_log")
expect_equal "$(answer head.json)" 200 "a port of its own choice"

command -v nginx >/dev/null || skip "nginx is not installed; granary serve is fine"
port=$(free_port)
url=http://127.0.0.1:$port
{
  echo "daemon off; pid $WORK/nginx.pid; error_log $WORK/nginx.log;"
  [ "$(id -u)" != 0 ] || echo "user root;"
  sed -e "s#127.0.0.1:8080#127.0.0.1:$port#" -e "s#/srv/repo#$repo#" \
    -e "s#^http {#http { access_log off; client_body_temp_path $WORK/ngx1; proxy_temp_path $WORK/ngx2;\
 fastcgi_temp_path $WORK/ngx3; uwsgi_temp_path $WORK/ngx4; scgi_temp_path $WORK/ngx5;#" \
    "$ROOT/tools/examples/nginx.conf"
} >"$WORK/nginx.conf"
background nginx -p "$WORK" -c "$WORK/nginx.conf" -e "$WORK/nginx.log"
wait_for_port "$port"
serves_what_is_public
serves_nothing_else
