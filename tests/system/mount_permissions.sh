# The kernel checks permissions, POSIX ACLs too; setuid programs and devices work where that was asked for.
# needs: root fuse setpriv setfacl

mkdir source mnt
echo secret >source/private
chmod 600 source/private
echo shared >source/shared
chmod 600 source/shared
setfacl -m u:65534:r source/shared
echo grouped >source/grouped  # the group's bits show the mask: without ACLs, the group could read
chgrp 65533 source/grouped
chmod 600 source/grouped
setfacl -m u:1234:r,g::-,m::r source/grouped
cp /usr/bin/id source/setuid
chmod 4755 source/setuid
mknod source/zero c 1 5
chmod 666 source/zero
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
mount_with() { "$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log -o "$1"; }
as_user() { setpriv --reuid=65534 --regid=65533 --clear-groups "$@"; }

mount_with allow_other
expect_fail 1 as_user cat mnt/private
expect_said "Permission denied"
expect_equal "$(as_user cat mnt/shared)" shared
expect_fail 1 as_user cat mnt/grouped
expect_equal "$(as_user mnt/setuid -u)" 65534
expect_fail 1 head -c 1 mnt/zero
"$GRANARY" umount mnt

mount_with allow_other,suid,dev
expect_equal "$(as_user mnt/setuid -u)" 0
expect_equal "$(head -c 3 mnt/zero | od -An -tx1 | tr -d ' ')" 000000
"$GRANARY" umount mnt

mount_with allow_other,noacl,noexec
expect_fail 1 as_user cat mnt/shared
expect_fail 126 bash -c mnt/setuid
"$GRANARY" umount mnt

mount_with ""
expect_fail 1 as_user cat mnt/shared  # for whoever mounted it, and nobody else
"$GRANARY" umount mnt
