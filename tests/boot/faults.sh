# Faults on the way while the machine starts: the first of two servers is dead, answers are corrupt now and then, scratch
# is full.
# needs: root fuse qemu-system-x86_64 qemu-img mcopy
# timeout: 900
# manual

. "$ROOT/tests/boot/lib.sh"

boot() { "$GRANARY" boot --image "$FIXTURE/micro" --set trust=boot --branch debian13 --until-complete --quiet --json --timeout "${BOOT_SECONDS}s" "$@"; }

# A dead mirror, asked first.
start_serve "$FIXTURE/os"
dead=$(free_port)
boot --set "repository=http://10.0.2.2:$dead http://10.0.2.2:$port" >outcome || fail "a dead mirror keeps it down"

# Every seventh object arrives wrong from one of two servers.
cat >liar.py <<'END'
import http.server, os, sys
root, count = sys.argv[1], 0
class Liar(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        global count
        path = os.path.join(root, self.path.lstrip("/"))
        if ".granary" in path or not os.path.isfile(path): return self.send_error(404)
        body = bytearray(open(path, "rb").read())
        count += 1
        if "objects" in self.path and count % 7 == 0 and body: body[len(body) // 2] ^= 1
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Liar)
server.serve_forever()
END
liar=$(free_port)
background $PYTHON liar.py "$FIXTURE/os" "$liar"
wait_for_port "$liar"
boot --set "repository=http://10.0.2.2:$liar http://10.0.2.2:$port" >outcome || fail "corrupt answers keep it down"

# A scratch disk that is far too small for the cache.
boot --repo "$url" --disk "$WORK/small.qcow2:200M" >outcome || fail "a small scratch keeps it down"
