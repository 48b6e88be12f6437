// `granary-init`: what it does is in the name it is called by (initramfs/README.md).
#include <cstdio>

int main(int, char** argv) {
  std::fprintf(stderr, "%s: not a name of granary-init: init, shutdown, granary-guest, granary-lease\n", argv[0]);
  return 2;
}
