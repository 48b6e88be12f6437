# Words for system cases about the micro image's network: machines and the servers they are connected to, each a network
# namespace of its own. Sourced by cases: . "$SUPPORT/network_machine.sh"; they need root, ip, busybox.

# new_side: an empty network namespace; $side is the process that holds it.
new_side() {
  background unshare --net sleep 600
  side=$started
  until_true 10 grep -qx sleep "/proc/$side/comm"  # unshare has done its work
}
# on SIDE CMD...: CMD in that namespace.
on() { local where=$1; shift; nsenter --net="/proc/$where/ns/net" "$@"; }

# connect MACHINE DEVICE SERVER DEVICE [MAC]: a cable between two sides; plugged in at the server's by plug.
connect() { ip link add name "$2" netns "$1" ${5:+address "$5"} type veth peer name "$4" netns "$3"; }
plug() { on "$1" ip link set "$2" up; }

# dhcp_server SIDE DEVICE ADDRESS/LENGTH OPTIONS...: dnsmasq, authoritative, at that end of the cable; $started is it.
dhcp_server() {
  local where=$1 device=$2 address=$3
  shift 3
  plug "$where" "$device"
  on "$where" ip address add "$address" dev "$device"
  background nsenter --net="/proc/$where/ns/net" dnsmasq -k -C /dev/null --port=0 --interface="$device" --user=root \
    --bind-interfaces --leasefile-ro --dhcp-authoritative --no-ping "$@"
}

# machine SIDE SCRIPT: SCRIPT (bash) in a small machine: its own /run with the lasting root in $lasting, and processes
# of its own that all end with it; `processes` prints the words of each.
machine() {
  nsenter --net="/proc/$1/ns/net" unshare --mount --pid --fork --kill-child bash -euo pipefail -c '
    mount -t proc proc /proc
    mount -t tmpfs tmpfs /run
    lasting=/run/initramfs
    mkdir -p $lasting/{bin,etc,tmp,proc,usr,lib,lib64}
    mount -t proc proc $lasting/proc
    for folder in usr lib lib64; do mount --bind -o ro /$folder $lasting/$folder; done
    cp "$(command -v network-trial)" $lasting/bin/granary-init
    cp "$(command -v busybox)" $lasting/bin/busybox
    processes() { for one in /proc/[0-9]*; do tr "\\0" " " <$one/cmdline || true; echo; done; }
    eval "$0"' "$2"
}
