# The Debian package: one, with client and publisher in it. `tools/dev package` builds it; cpack -G DEB in a build
# directory packs what is built there, whatever prefix it was configured with.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME granary)
set(CPACK_PACKAGE_VENDOR "Granary")
set(CPACK_PACKAGE_CONTACT "Granary maintainers <maintainers@granary.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "operating system trees by content: publish once, mount anywhere over HTTP")
set(CPACK_PACKAGE_DESCRIPTION
"Granary publishes a directory tree or tar as a signed, versioned snapshot of
deduplicated objects that any static web server can serve, and mounts any
snapshot ever published as a read-only file system (FUSE) whose blocks come
over plain HTTP when they are read, verified, into a local cache.
.
This package has the client (granary mount, mount.granary for mount(8), fstab,
systemd and autofs) and everything for publishers.")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
# Absolute destinations (mount.granary goes where mount(8) looks) are installed below a directory of cpack's own.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/stage.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS passwd)  # the account of the mounts' processes
# https; the solver and the verifier of signatures, to cook; fusermount3, which mounts for users
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ca-certificates, clasp, fuse3, gpgv")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "attr, autofs, binutils, dosfstools, isolinux, kmod, mtools, qemu-utils, squashfs-tools-ng, syslinux, systemd-boot-efi, xorriso")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_CURRENT_LIST_DIR}/postinst ${CMAKE_CURRENT_LIST_DIR}/prerm ${CMAKE_CURRENT_LIST_DIR}/postrm
  ${CMAKE_CURRENT_LIST_DIR}/conffiles)
include(CPack)
