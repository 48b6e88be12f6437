# Who owns what can be said anew for a mount: maps, one owner of all, and the kernel checks permissions by the result.
# needs: root fuse setpriv setfacl getfacl

mkdir source source/folder mnt
for user in 1000 2000 3005; do
  echo "of $user" >source/of-$user
  chown $user:$user source/of-$user
  chmod 600 source/of-$user
done
echo shared >source/shared
chmod 600 source/shared
setfacl -m u:1000:r,g:2000:r source/shared
cp /usr/bin/id source/setuid
chown 1000:2000 source/setuid
chmod 6755 source/setuid
chown 1000:2000 source/folder
chmod 2775 source/folder
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
mount_with() { "$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log -o allow_other,suid "$@"; }
as_user() { setpriv --reuid="$1" --regid="$2" --clear-groups "${@:3}"; }
owner() { stat -c %u:%g "mnt/$1"; }

printf '# of the cluster\n1000 5000\n3000-3999 7000\n* nobody\n' >users
mount_with --uid-map "$WORK/users" --gid-map "1000:5001;2000:5002"
expect_equal "$(owner of-1000)" 5000:5001
expect_equal "$(owner of-2000)" 65534:5002
expect_equal "$(owner of-3005)" 7005:3005
expect_equal "$(ls -ln mnt | awk '$9 == "of-1000" { print $3 ":" $4 }')" 5000:5001
expect_equal "$(as_user 5000 5001 cat mnt/of-1000)" "of 1000"
expect_fail 1 as_user 1000 1000 cat mnt/of-1000
expect_said "Permission denied"
expect_equal "$(as_user 7005 1 cat mnt/of-3005)" "of 3005"
# The ACL's users and groups are the mapped ones.
expect_equal "$(as_user 5000 1 cat mnt/shared)" shared
expect_fail 1 as_user 1000 1 cat mnt/shared
expect_equal "$(as_user 1 5002 cat mnt/shared)" shared
expect_equal "$(getfacl -cn mnt/shared | grep -E '^(user|group):[0-9]' | tr '\n' ' ')" "user:5000:r-- group:5002:r-- "
# Nobody becomes setuid to whom the publisher did not mean; a directory keeps its setgid bit.
expect_equal "$(stat -c %a mnt/setuid)" 755
expect_equal "$(as_user 1 1 mnt/setuid -u)" 1
expect_equal "$(stat -c %a mnt/folder)" 2775
"$GRANARY" umount mnt

mount_with --owner nobody:4000
expect_equal "$(owner of-1000) $(owner folder) $(owner .)" "65534:4000 65534:4000 65534:4000"
expect_equal "$(as_user 65534 4000 cat mnt/of-2000)" "of 2000"
"$GRANARY" showconfig mnt --json >live.json
expect_equal "$(json values.owner.value live.json)" 65534:4000
"$GRANARY" umount mnt

# Without any of it everything is as published, setuid bits too.
mount_with
expect_equal "$(owner of-1000) $(stat -c %a mnt/setuid)" "1000:1000 6755"
expect_equal "$(as_user 1 1 mnt/setuid -u)" 1000
"$GRANARY" umount mnt

expect_fail 2 mount_with --uid-map "1000:nobody-of-that-name"
expect_said "nobody-of-that-name"
expect_fail 2 mount_with --owner ""
