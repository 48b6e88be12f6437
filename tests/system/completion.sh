# bash and zsh complete commands, sub-commands, options, mount points and repositories, typed into real shells.
# needs: root fuse bash

mkdir source bin etc "mnt-of-this-test"
echo hello >source/file
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
"$GRANARY" mount repo mnt-of-this-test --trust trust --cache cache --state state --log mount.log
printf '[repository winter-wheat]\nurl = /srv/w\n[repository rye]\nurl = /srv/r\n' >etc/granary.conf
export GRANARY_CONFIG=$WORK/etc

# What was typed, completed, is what the program is called with.
cat >bin/granary <<END
#!/bin/sh
[ "\$1" != completion ] || exec "$GRANARY" "\$@"
echo "\$*" >$WORK/typed
END
chmod 755 bin/granary
export PATH=$WORK/bin:$PATH

expect_completed() {
  rm -f typed
  $PYTHON "$SUPPORT/type_in_shell.py" "$shell" "$setup" "granary $1" >/dev/null 2>&1 || true
  expect_equal "$(sed 's,/$,,' typed 2>/dev/null)" "$2" "typed into $shell: $1"
}

for shell in bash zsh; do
  command -v $shell >/dev/null || continue
  "$GRANARY" completion $shell >completion.$shell
  $shell -n completion.$shell
  setup="source $WORK/completion.$shell"
  [ $shell = bash ] || setup="autoload -U compinit; compinit -u -d $WORK/zcompdump; $setup"
  expect_completed $'showc\t' "showconfig"
  expect_completed $'profile rec\t' "profile record"
  expect_completed $'mount --allow-w\t' "mount --allow-withdrawn"
  expect_completed $'mount wint\t' "mount winter-wheat"
  expect_completed $'showconfig ry\t' "showconfig rye"
  expect_completed $'umount '"$WORK/mnt-of-th"$'\t' "umount $WORK/mnt-of-this-test"
  expect_completed $'publish '"$WORK/sou"$'\t' "publish $WORK/source"
done
"$GRANARY" umount mnt-of-this-test
