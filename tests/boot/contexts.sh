# What a machine is told: NoCloud on a disk (how every guest here gets its keys), ConfigDrive on a CD, and a metadata
# server as EC2 has it, with tokens, at 169.254.169.254.
# needs: root fuse qemu-system-x86_64 qemu-img mcopy xorriso ssh
# timeout: 900
# manual

. "$ROOT/tests/boot/lib.sh"

micro=(--image "$FIXTURE/micro" --set trust=boot --repo "$FIXTURE/os")
until_up() { "$GRANARY" boot "${micro[@]}" --until-complete --quiet --timeout "${BOOT_SECONDS}s" --console-file console "$@" >outcome 2>errors; }
heard() { tr -d '\r' <console | says -aE "$1" || fail "the console does not say '$1': $(tr -d '\r' <console | grep -a granary: | head -60)"; }

# NoCloud: the boot section chooses the branch, the rest is the OS's.
printf '[granary]\nbranch = debian13\n' >user-data
until_up --context user-data || fail "NoCloud: $(cat errors)"
heard 'context: NoCloud'
heard "boot complete snapshot=$(snapshot_of "$FIXTURE/os" debian13)"

# ConfigDrive.
mkdir -p drive/openstack/latest
printf '{"uuid": "11111111-2222-3333-4444-555555555555", "hostname": "driven"}' >drive/openstack/latest/meta_data.json
cp user-data drive/openstack/latest/user_data
xorriso -as mkisofs -quiet -o drive.iso -V config-2 -J -R drive 2>/dev/null
until_up --set context=configdrive --qemu -drive --qemu "file=$WORK/drive.iso,format=raw,if=virtio,readonly=on" || fail "ConfigDrive: $(cat errors)"
heard 'context: ConfigDrive'
heard "boot complete snapshot=$(snapshot_of "$FIXTURE/os" debian13)"

# EC2: a second network with nothing but the metadata server in it. Version 1 is refused: a token is needed.
cat >metadata.py <<'END'
import http.server, sys
user_data = open("user-data", "rb").read()
answers = {"/latest/meta-data/instance-id": b"i-0123456789", "/latest/meta-data/local-hostname": b"clouded",
           "/latest/meta-data/hostname": b"clouded", "/latest/user-data": user_data, "/latest/meta-data/": b"instance-id\nhostname\n",
           "/latest/meta-data/public-keys/": b""}
class Metadata(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body=b""):
        print(self.command, self.path, status, file=sys.stderr, flush=True)
        self.send_response(status); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_PUT(self):
        good = self.path == "/latest/api/token" and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
        self.answer(200, b"a-token") if good else self.answer(400)
    def do_GET(self):
        if self.headers.get("X-aws-ec2-metadata-token") != "a-token": return self.answer(401)
        path = self.path
        for version in ("/2016-04-19", "/2009-04-04", "/2021-03-23"): path = path.replace(version, "/latest")
        self.answer(200, answers[path]) if path in answers else self.answer(404)
    def log_message(self, *args): pass
# One conversation on standard input and output, as QEMU's guestfwd starts it.
import socket, io
class Stdio:
    def makefile(self, mode, *rest): return sys.stdin.buffer if "r" in mode else sys.stdout.buffer
    def sendall(self, data): sys.stdout.buffer.write(data); sys.stdout.buffer.flush()
Metadata(Stdio(), ("guest", 0), None)
END
printf '#!/bin/sh\ncd %q && exec %s metadata.py 2>>metadata.log\n' "$WORK" "$PYTHON" >metadata && chmod 755 metadata
until_up --set context=ec2 --qemu -netdev --qemu \
  "user,id=meta,net=169.254.0.0/16,host=169.254.0.2,dhcpstart=169.254.0.15,restrict=on,guestfwd=tcp:169.254.169.254:80-cmd:$WORK/metadata" \
  --qemu -device --qemu virtio-net-pci,netdev=meta,romfile= || fail "EC2: $(cat errors) $(cat metadata.log)"
heard 'context: EC2'
grep -q 'PUT /latest/api/token 200' metadata.log || fail "no token was asked for: $(cat metadata.log)"
heard "boot complete snapshot=$(snapshot_of "$FIXTURE/os" debian13)"
