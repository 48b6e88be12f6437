# How the preset `micro` builds: granary-mount and granary-init alone, each one static file, as small as it gets
# (docs/architecture.md, "The size of the micro image"). `tools/dev micro-parts` uses it: it first makes the slim libcurl
# that lies in build/micro/made/curl, because Debian's own needs libraries of which there is no static version.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  message(FATAL_ERROR "the micro preset is made for g++, not for ${CMAKE_CXX_COMPILER_ID}")
endif()

set(ENV{PKG_CONFIG_PATH} "${CMAKE_BINARY_DIR}/made/curl/lib/pkgconfig")
pkg_get_variable(slim_curl libcurl granary_slim)
if(NOT slim_curl)
  message(FATAL_ERROR "the slim libcurl is missing in ${CMAKE_BINARY_DIR}/made: run tools/dev micro-parts")
endif()
foreach(library ssl:libssl-dev crypto:libssl-dev sqlite3:libsqlite3-dev z:zlib1g-dev zstd:libzstd-dev fuse3:libfuse3-dev
        seccomp:libseccomp-dev)
  string(REPLACE ":" ";" library ${library})
  list(GET library 0 name)
  list(GET library 1 package)
  find_library(GRANARY_STATIC_${name} lib${name}.a)
  if(NOT GRANARY_STATIC_${name})
    message(FATAL_ERROR "lib${name}.a is missing: apt-get install ${package}")
  endif()
endforeach()

set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
set(CMAKE_LIBRARY_PATH ${CMAKE_BINARY_DIR}/made/lean)  # Debian's own, without tables for exceptions
set(OPENSSL_USE_STATIC_LIBS ON)
set(PKG_CONFIG_ARGN --static)

add_compile_options(-Os -fomit-frame-pointer -ffunction-sections -fdata-sections -fvisibility=hidden
                    -fvisibility-inlines-hidden -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -fno-pie)
add_link_options(-static -no-pie -s -Wl,--gc-sections,-z,norelro,--build-id=none)
