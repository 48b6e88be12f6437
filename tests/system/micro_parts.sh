# The parts of the micro image are static and stripped, and do their work where nothing else is: granary-mount mounts
# over HTTP and HTTPS in an empty root directory with a resolv.conf and a file of authorities; busybox is a shell.
# needs: root fuse nginx openssl micro-parts
# timeout: 240

parts=$ROOT/build/micro/parts
for part in "$parts"/*; do
  file=$(readelf -lS "$part")
  ! says INTERP <<<"$file" || fail "$part is not static"
  ! says -F .symtab <<<"$file" || fail "$part is not stripped"
done

oddities source
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source >/dev/null

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=test authority" -keyout ca.key -out ca.pem 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr 2>/dev/null
echo "subjectAltName=DNS:localhost" >extensions
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out server.pem \
  2>/dev/null
tls_port=$(free_port)
NGINX_HTTP="server { listen 127.0.0.1:$tls_port ssl; ssl_certificate $WORK/server.pem;
  ssl_certificate_key $WORK/server.key; root $WORK/repo; }" start_nginx repo

mkdir -p root/{bin,dev,proc,tmp,tree,run,cache,state,etc/ssl/certs,etc/granary}
cp "$parts"/* root/bin/
cp ca.pem root/etc/ssl/certs/ca-certificates.crt
cp trust root/etc/granary/
echo "nameserver 127.0.0.1" >root/etc/resolv.conf
mount --bind /dev root/dev
mount --bind /proc root/proc

mount_within() {
  chroot root /bin/granary-mount "$1" /tree --trust /etc/granary/trust --cache "/cache/$2" --state /state
  same_tree source root/tree
  umount root/tree
}
mount_within "http://127.0.0.1:$port" plain
mount_within "https://localhost:$tls_port" secure

expect_equal "$(chroot root /bin/busybox sh -c 'echo a b | cut -d" " -f2')" b
chroot root /bin/busybox sh -c 'ls -l /etc/granary | grep -c trust' | says 1
for applet in udhcpc udhcpc6; do
  chroot root /bin/busybox $applet --help 2>&1 | says -F -- "-s PROG" || fail "busybox has no $applet"
done

# A scratch disk is made, found clean, grows with its disk, and is clean for e2fsprogs' own programs, too.
for name in mke2fs e2fsck resize2fs; do ln -s e2fs "root/bin/$name"; done
truncate -s 64M root/disk
chroot root /bin/mke2fs -q -t ext4 -L granary-scratch -F /disk
truncate -s 200M root/disk
chroot root /bin/e2fsck -f -p /disk >/dev/null
chroot root /bin/resize2fs /disk >/dev/null 2>&1
chroot root /bin/e2fsck -f -n /disk >/dev/null
e2fsck -f -n root/disk >/dev/null
dumpe2fs -h root/disk 2>/dev/null >said
says -E '^Filesystem volume name: +granary-scratch$' <said
says -E '^Filesystem features: .*has_journal.*extent.*metadata_csum' <said
says -E '^Block count: +204800$' <said || says -E '^Block count: +51200$' <said || fail "the file system did not grow"

# What the parts may weigh: a third of it when packed (docs/architecture.md, "The size of the micro image").
while read -r part limit; do
  size=$(stat -c %s "$parts/$part")
  [ "$size" -le "$limit" ] || fail "$part has grown: $size bytes, $limit allowed"
done <<END
granary-mount 9200000
granary-init 2700000
busybox 560000
e2fs 680000
END
