# A part of the catalog that cannot be had is an error, never a missing name, and is forgotten when it can.
# needs: root fuse

mkdir -p source/many
$PYTHON - <<'END'
for i in range(20000):
    open(f"source/many/an entry with a name long enough to fill some pages {i}", "w").close()
END
"$GRANARY" init repo --name sw.example.org --keys keys >trust
"$GRANARY" publish repo source
mkdir mnt
"$GRANARY" mount repo mnt --trust trust --cache cache --state state --log mount.log
mv repo/objects kept
name="mnt/many/an entry with a name long enough to fill some pages 17777"
expect_fail 1 stat "$name"
expect_said "Input/output error"
expect_fail 2 ls mnt/many
mv kept repo/objects
sleep 0.3  # a failure is remembered for a moment
stat "$name" >said
expect_equal "$(ls mnt/many | wc -l)" 20000
"$GRANARY" umount mnt
