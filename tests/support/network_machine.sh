# Words for system cases about the micro image's network: a machine and a server side, each a network namespace.
# Sourced by cases: . "$SUPPORT/network_machine.sh"

# new_side: an empty network namespace; $side is the process that holds it.
new_side() {
  background unshare --net sleep 600
  side=$started
  until_true 10 grep -qx sleep "/proc/$side/comm"  # unshare has done its work
}
# on SIDE CMD...: CMD in that namespace.
on() { local where=$1; shift; nsenter --net="/proc/$where/ns/net" "$@"; }

# connect MACHINE DEVICE SERVER DEVICE [MAC]: a cable between two sides, plugged in at the server.
connect() {
  ip link add name "$2" netns "$1" ${5:+address "$5"} type veth peer name "$4" netns "$3"
  on "$3" ip link set "$4" up
}

# machine SIDE SCRIPT: SCRIPT (bash) in a small machine: its own /run with a lasting root, and processes that all end with it.
machine() {
  nsenter --net="/proc/$1/ns/net" unshare --mount --pid --fork --kill-child bash -euo pipefail -c '
    mount -t tmpfs tmpfs /run
    lasting=/run/initramfs
    mkdir -p $lasting/{bin,etc,tmp,proc,usr,lib,lib64}
    for folder in usr lib lib64; do mount --bind -o ro /$folder $lasting/$folder; done
    cp "$(command -v network-trial)" $lasting/bin/granary-init
    cp "$(command -v busybox)" $lasting/bin/busybox
    eval "$0"' "$2"
}
