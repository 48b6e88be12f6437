# Over TLS with HTTP/2 objects share a connection, many at a time; over HTTP/1.1 they come side by side over several.
# A private authority is trusted when it is named, and only then.
# needs: root fuse nginx openssl

mkdir -p source mnt
for i in $(seq 40); do head -c 250000 /dev/urandom >source/file-$i; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >/dev/null

# An authority of our own, and the server's certificate from it.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=test authority" -keyout ca.key -out ca.pem 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr 2>/dev/null
echo "subjectAltName=IP:127.0.0.1" >extensions
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.pem \
  2>/dev/null

# Slow enough that what runs side by side can be told from what runs one after the other.
tls_port=$(free_port)
plain_tls_port=$(free_port)
common="ssl_certificate $WORK/server.pem; ssl_certificate_key $WORK/server.key; root $WORK/repo; limit_rate 400k;"
NGINX_HTTP="log_format streams '\$connection \$server_protocol \$status \$msec \$request_time \$uri';
  server { listen 127.0.0.1:$tls_port ssl http2; $common access_log $WORK/h2.log streams; }
  server { listen 127.0.0.1:$plain_tls_port ssl; $common access_log $WORK/h1.log streams; }" start_nginx repo

read_all() { find mnt -type f -print0 | xargs -0 -n 1 -P 16 cat | wc -c; }
# side_by_side LOG: requests, connections, and how many objects were on their way at the same moment at most.
side_by_side() {
  $PYTHON -c 'import sys
rows = [line.split() for line in open(sys.argv[1]) if "/objects/" in line]
spans = [(float(end) - float(took), float(end)) for _, _, _, end, took, _ in rows]
most = max(sum(1 for a, b in spans if a <= at < b) for at, _ in spans)
print(len(rows), len({row[0] for row in rows}), most)' "$1"
}

"$GRANARY" mount "https://127.0.0.1:$tls_port" mnt --trust trust --cache cache --state state --ca ca.pem
expect_equal "$(read_all)" 10000000
same_tree source mnt
"$GRANARY" umount mnt
! grep -v ' HTTP/2.0 ' h2.log || fail "not all of it came over HTTP/2"
set -- $(side_by_side h2.log)
[ "$1" -ge 40 ] || fail "only $1 requests"
[ "$2" -le 2 ] || fail "$2 connections for $1 requests over HTTP/2"
[ "$3" -ge 4 ] || fail "at most $3 objects at a time over HTTP/2"
echo "HTTP/2: $1 objects over $2 connections, up to $3 at a time"

"$GRANARY" mount "https://127.0.0.1:$plain_tls_port" mnt --trust trust --cache cache1 --state state -o ca=ca.pem
expect_equal "$(read_all)" 10000000
same_tree source mnt
"$GRANARY" umount mnt
! grep -v ' HTTP/1.1 ' h1.log || fail "not all of it came over HTTP/1.1"
set -- $(side_by_side h1.log)
{ [ "$2" -ge 4 ] && [ "$2" -le 20 ]; } || fail "$2 connections for $1 requests over HTTP/1.1"
[ "$3" -ge 4 ] || fail "at most $3 objects at a time over HTTP/1.1"
echo "HTTP/1.1: $1 objects over $2 connections, up to $3 at a time"

# The authority, wherever a URL is used; and what is said without it.
secure=https://127.0.0.1:$tls_port
"$GRANARY" ls "$secure" / --trust trust --ca ca.pem >/dev/null
"$GRANARY" mirror "$secure" copy --trust trust --ca ca.pem >/dev/null
"$GRANARY" prefetch "$secure" --trust trust --ca ca.pem --cache third --state state --path /file-1 >/dev/null 2>&1
expect_fail 7 "$GRANARY" mount "$secure" mnt --trust trust --cache fourth --state state
expect_said "the server's certificate is not trusted"
expect_said "--ca FILE"
expect_fail 7 "$GRANARY" ls "$secure" / --trust trust
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=somebody else" -keyout other.key -out other.pem 2>/dev/null
expect_fail 7 "$GRANARY" mount "$secure" mnt --trust trust --cache fourth --state state --ca other.pem
echo "no certificate" >bad.pem
expect_fail 3 "$GRANARY" mount "$secure" mnt --trust trust --cache fourth --state state --ca bad.pem
expect_said "bad.pem has none"
head -c 600 ca.pem >half.pem
expect_fail 3 "$GRANARY" mount "$secure" mnt --trust trust --cache fourth --state state --ca half.pem
expect_fail 4 "$GRANARY" mount "$secure" mnt --trust trust --cache fourth --state state --ca nothing.pem
expect_said "nothing.pem"
