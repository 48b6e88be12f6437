#include "builder/tree/differences.h"

namespace granary {

namespace {
using enum KnownDifference::Cure;

constexpr const char* kHostKey = "a host key: each machine makes its own when it first boots";
constexpr const char* kMachineId = "a machine's identity: systemd fills the empty file when it first boots";
constexpr const char* kSeed = "a random seed: each machine makes its own";
constexpr const char* kSecret = "a secret: each machine makes its own";
constexpr const char* kBackup = "a backup of what a script changed: it tells of the cook, not of the tree";
constexpr const char* kCache = "a cache, made again when it is missing";
constexpr const char* kLock = "a lock file that a script left";
constexpr const char* kLog = "a log of the cook, with its times";

constexpr KnownDifference kKnown[] = {
    {"etc/ssh/ssh_host_*", kRemove, kHostKey},
    {"etc/ssl/private/ssl-cert-snakeoil.key", kRemove, kSecret},
    {"etc/ssl/certs/ssl-cert-snakeoil.pem", kRemove, "the certificate of a key that each machine makes for itself"},
    {"etc/machine-id", kEmpty, kMachineId},
    {"var/lib/dbus/machine-id", kRemove, "a machine's identity: systemd and dbus link it to /etc/machine-id"},
    {"etc/hostid", kRemove, "a machine's identity"},
    {"etc/brlapi.key", kRemove, kSecret},
    {"etc/bind/rndc.key", kRemove, kSecret},
    {"etc/munge/munge.key", kRemove, "a secret: the machines of one cluster share one, which comes with their context"},
    {"var/lib/systemd/random-seed", kRemove, kSeed},
    {"var/lib/systemd/credential.secret", kRemove, kSecret},
    {"var/lib/urandom/random-seed", kRemove, kSeed},
    {"var/lib/NetworkManager/secret_key", kRemove, kSecret},
    {"root/.rnd", kRemove, kSeed},
    {"root/.bash_history", kRemove, "what somebody typed in the cook"},
    {"etc/.pwd.lock", kRemove, kLock},
    {"etc/passwd-", kRemove, kBackup},
    {"etc/group-", kRemove, kBackup},
    {"etc/shadow-", kRemove, kBackup},
    {"etc/gshadow-", kRemove, kBackup},
    {"etc/subuid-", kRemove, kBackup},
    {"etc/subgid-", kRemove, kBackup},
    {"etc/apparmor.d/cache*", kRemove, kCache},
    {"var/lib/dpkg/*-old", kRemove, kBackup},
    {"var/lib/dpkg/lock", kRemove, kLock},
    {"var/lib/dpkg/lock-frontend", kRemove, kLock},
    {"var/lib/dpkg/triggers/Lock", kRemove, kLock},
    {"var/lib/apt/lists/*_*", kRemove, "apt's copy of the archive's indices: `apt update` fetches today's"},
    {"var/lib/apt/extended_states", kRemove, "what apt installed by itself: nothing was installed by apt"},
    {"var/lib/ucf/*.[0-9]", kRemove, kBackup},
    {"var/cache/debconf/*-old", kRemove, kBackup},
    {"var/cache/apt/*.bin", kRemove, kCache},
    {"var/cache/apt/archives/*.deb", kRemove, "a package that is installed already"},
    {"var/cache/apt/archives/lock", kRemove, kLock},
    {"var/cache/ldconfig/aux-cache", kRemove, "ldconfig's memory of inode numbers and times; made again by ldconfig"},
    {"var/cache/man/*", kRemove, "man's index, whose bytes depend on times: man-db.timer or mandb makes it"},
    {"var/cache/fontconfig/*", kRemove, "a cache with times in it; fc-cache makes it again"},
    {"var/log/dpkg.log", kRemove, kLog},
    {"var/log/alternatives.log", kRemove, kLog},
    {"var/log/bootstrap.log", kRemove, kLog},
    {"var/log/fontconfig.log", kRemove, kLog},
    {"var/log/apt/*", kRemove, kLog},
    {"var/log/journal/*/*", kRemove, kLog},
    {"var/log/*.log", kEmpty, kLog},
    {"**/.uuid", kRemove, "fontconfig's random name for a directory"},
    {"**/*.dpkg-old", kRemove, kBackup},
    {"**/*.ucf-old", kRemove, kBackup},
};
}  // namespace

std::span<const KnownDifference> known_differences() { return kKnown; }

}  // namespace granary
