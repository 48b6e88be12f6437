// mke2fs, e2fsck and resize2fs in one file: which of them it is stands in the name it is called by. Their own main
// functions have been renamed, and all else of theirs made local (make-parts.sh).
#include <stdio.h>
#include <string.h>

int mke2fs_main(int argc, char** argv);
int e2fsck_main(int argc, char** argv);
int resize2fs_main(int argc, char** argv);

int main(int argc, char** argv) {
  const char* slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
  const char* name = slash ? slash + 1 : argc > 0 ? argv[0] : "";
  if (strcmp(name, "e2fs") == 0 && argc > 1) {  // e2fs NAME ARGUMENTS...
    name = argv[1];
    ++argv, --argc;
  }
  if (strcmp(name, "mke2fs") == 0 || strncmp(name, "mkfs.ext", 8) == 0) return mke2fs_main(argc, argv);
  if (strcmp(name, "e2fsck") == 0 || strncmp(name, "fsck.ext", 8) == 0) return e2fsck_main(argc, argv);
  if (strcmp(name, "resize2fs") == 0) return resize2fs_main(argc, argv);
  fprintf(stderr, "e2fs: not a name of this program: '%s'; it is mke2fs, e2fsck and resize2fs\n", name);
  return 2;
}
