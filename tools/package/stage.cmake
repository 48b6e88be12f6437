# Makes of what was installed what Debian expects: compressed manual pages, a copyright, the configuration.
set(here ${CMAKE_CURRENT_LIST_DIR})
set(top ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(doc ${top}/usr/share/doc/granary)

file(GLOB pages ${top}/usr/share/man/man*/*.[0-9])
foreach(page ${pages})
  if(IS_SYMLINK ${page})
    continue()
  endif()
  execute_process(COMMAND gzip -9n ${page} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
file(COPY ${here}/../examples/granary.conf DESTINATION ${top}/etc/granary)
file(MAKE_DIRECTORY ${top}/etc/granary/conf.d)
file(COPY ${here}/copyright DESTINATION ${doc})
file(COPY ${here}/lintian-overrides DESTINATION ${top}/usr/share/lintian/overrides)
file(RENAME ${top}/usr/share/lintian/overrides/lintian-overrides ${top}/usr/share/lintian/overrides/granary)
# A date of its own would make every build of the same source another package.
file(WRITE ${doc}/changelog
  "granary (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium\n\n  * See the history of the sources.\n\n"
  " -- ${CPACK_PACKAGE_CONTACT}  Sat, 21 Nov 2026 00:00:00 +0000\n")
execute_process(COMMAND gzip -9n ${doc}/changelog COMMAND_ERROR_IS_FATAL ANY)
