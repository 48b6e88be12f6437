// Names of users, groups and hosts, as far as the C library knows them by itself.
#pragma once

namespace granary {

// In a program that is linked statically, nsswitch.conf is left aside: what it names are libraries for programs that
// are not (libnss_systemd ends such a process with SIGSEGV). /etc/passwd, /etc/group, /etc/hosts and DNS remain.
// First of all.
void keep_to_built_in_names();

}  // namespace granary
