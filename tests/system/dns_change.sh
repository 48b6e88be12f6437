# A live mount follows resolv.conf when that is written anew in place: behind a sandbox, whose worker never may open it
# by another name.
# needs: root fuse unshare ip

if [ "${1:-}" != inside ] && [ -z "${INSIDE:-}" ]; then
  INSIDE=yes exec unshare -mn bash -euo pipefail -c '. "$0"; . "$1"' "$ROOT/tests/system/lib.sh" "$ROOT/tests/system/dns_change.sh"
fi
mount --make-rprivate /
ip link set lo up
printf 'nameserver 127.0.0.2\noptions timeout:1 attempts:1\n' >resolv.conf
if [ -L /etc/resolv.conf ]; then mount --bind resolv.conf "$(realpath /etc/resolv.conf)"; else mount --bind resolv.conf /etc/resolv.conf; fi

# answer_names ADDRESS MEANING: a name server there, for which every name means that address.
answer_names() {
  background $PYTHON -c '
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
while True:
    query, who = server.recvfrom(512)
    end = query.index(0, 12) + 5
    is_address = query[end - 4:end - 2] == b"\0\1"
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(sys.argv[2]) if is_address else b""
    server.sendto(query[:2] + b"\x81\x80\0\1\0" + (b"\1" if is_address else b"\0") + b"\0\0\0\0" + query[12:end] + answer, who)
' "$1" "$2"
}
serve_at() { background $PYTHON -m http.server --bind "$1" --directory repo 8080; }

mkdir -p source mnt
for name in one two three; do head -c 300000 /dev/urandom >"source/$name"; done
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
answer_names 127.0.0.2 127.0.0.5
first_names=$started
answer_names 127.0.0.3 127.0.0.6
serve_at 127.0.0.5
first_server=$started
serve_at 127.0.0.6
until_true 20 bash -c 'exec 3<>/dev/tcp/127.0.0.5/8080 && exec 3<>/dev/tcp/127.0.0.6/8080'
"$GRANARY" mount --trust trust --cache none --state state --log mount.log --no-follow http://repo.test:8080 mnt
cmp source/one mnt/one
stop "$first_server"
stop "$first_names"
printf 'nameserver 127.0.0.3\noptions timeout:1 attempts:1\n' >resolv.conf
until_true 60 cmp source/two mnt/two
"$GRANARY" umount mnt
