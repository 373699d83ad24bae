# Third-party packages, found once. Private to the components that use them.
include_guard(GLOBAL)
find_package(PkgConfig REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(simdjson REQUIRED)

# The package is called flatbuffers or FlatBuffers, by version.
find_package(FlatBuffers NAMES flatbuffers FlatBuffers REQUIRED)
find_program(VIRTUFIN_FLATC flatc REQUIRED)
add_library(virtufin_flatbuffers INTERFACE)
find_path(VIRTUFIN_FLATBUFFERS_INCLUDE flatbuffers/flatbuffers.h REQUIRED)
target_include_directories(virtufin_flatbuffers SYSTEM INTERFACE
  "$<BUILD_INTERFACE:${VIRTUFIN_FLATBUFFERS_INCLUDE}>")

# Components that this build goes without: their folders are not entered.
set(VIRTUFIN_LEFT_OUT "")

# Feeds: net, exchange, sim and websocketmanager, with WebSocket and HTTP clients, servers, TLS. AUTO:
# built when all of these are there; ON: they must be; OFF: not built. Debian's libwebsockets has no
# CMake package that serves.
set(VIRTUFIN_WITH_FEEDS AUTO CACHE STRING "feeds and what they stand on: AUTO, ON or OFF")
set_property(CACHE VIRTUFIN_WITH_FEEDS PROPERTY STRINGS AUTO ON OFF)
if(NOT VIRTUFIN_WITH_FEEDS MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "VIRTUFIN_WITH_FEEDS: expected AUTO, ON or OFF, found ${VIRTUFIN_WITH_FEEDS}")
elseif(NOT VIRTUFIN_WITH_FEEDS STREQUAL "OFF")
  set(need "")
  if(VIRTUFIN_WITH_FEEDS STREQUAL "ON")
    set(need REQUIRED)
  endif()
  find_package(OpenSSL 3 ${need})
  find_package(CURL 7.88 ${need})
  find_package(Boost 1.74 ${need})
  pkg_check_modules(LIBWEBSOCKETS ${need} IMPORTED_TARGET libwebsockets)
  find_package(ZLIB ${need})
endif()
if(VIRTUFIN_WITH_FEEDS STREQUAL "OFF" OR NOT (OPENSSL_FOUND AND CURL_FOUND AND Boost_FOUND AND
                                              LIBWEBSOCKETS_FOUND AND ZLIB_FOUND))
  list(APPEND VIRTUFIN_LEFT_OUT net exchange sim websocketmanager)
  message(STATUS "left out: ${VIRTUFIN_LEFT_OUT} (VIRTUFIN_WITH_FEEDS=${VIRTUFIN_WITH_FEEDS}; OpenSSL "
    "${OPENSSL_FOUND}, CURL ${CURL_FOUND}, Boost ${Boost_FOUND}, libwebsockets "
    "${LIBWEBSOCKETS_FOUND}, ZLIB ${ZLIB_FOUND})")
endif()

# state_sqlite. AUTO: built when SQLite is there; ON: it must be; OFF: not built.
set(VIRTUFIN_WITH_SQLITE AUTO CACHE STRING "the SQLite state store: AUTO, ON or OFF")
set_property(CACHE VIRTUFIN_WITH_SQLITE PROPERTY STRINGS AUTO ON OFF)
if(NOT VIRTUFIN_WITH_SQLITE MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "VIRTUFIN_WITH_SQLITE: expected AUTO, ON or OFF, found ${VIRTUFIN_WITH_SQLITE}")
elseif(VIRTUFIN_WITH_SQLITE STREQUAL "ON")
  find_package(SQLite3 3.37 REQUIRED)
elseif(VIRTUFIN_WITH_SQLITE STREQUAL "AUTO")
  find_package(SQLite3 3.37)
  if(NOT SQLite3_FOUND)
    message(STATUS "SQLite 3.37 was not found: the SQLite state store is left out")
  endif()
endif()

# engine_native: packages of native workers. AUTO: read when libarchive and expat are there; ON: they
# must be; OFF: bare libraries only.
set(VIRTUFIN_WITH_ARCHIVE AUTO CACHE STRING "packages of native workers: AUTO, ON or OFF")
set_property(CACHE VIRTUFIN_WITH_ARCHIVE PROPERTY STRINGS AUTO ON OFF)
set(VIRTUFIN_HAVE_ARCHIVE OFF)
if(NOT VIRTUFIN_WITH_ARCHIVE MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR
    "VIRTUFIN_WITH_ARCHIVE: expected AUTO, ON or OFF, found ${VIRTUFIN_WITH_ARCHIVE}")
elseif(VIRTUFIN_WITH_ARCHIVE STREQUAL "ON")
  find_package(LibArchive 3.6 REQUIRED)
  find_package(EXPAT 2.5 REQUIRED)
  set(VIRTUFIN_HAVE_ARCHIVE ON)
elseif(VIRTUFIN_WITH_ARCHIVE STREQUAL "AUTO")
  find_package(LibArchive 3.6)
  find_package(EXPAT 2.5)
  if(LibArchive_FOUND AND EXPAT_FOUND)
    set(VIRTUFIN_HAVE_ARCHIVE ON)
  else()
    message(STATUS "libarchive 3.6 or expat 2.5 was not found: packages of workers are not read")
  endif()
endif()

# engine_packer: makes packages of native workers. minizip has no CMake package. AUTO: built when it is
# there; ON: it must be; OFF: not built.
set(VIRTUFIN_WITH_PACKER AUTO CACHE STRING "the packer of native workers: AUTO, ON or OFF")
set_property(CACHE VIRTUFIN_WITH_PACKER PROPERTY STRINGS AUTO ON OFF)
if(NOT VIRTUFIN_WITH_PACKER MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR
    "VIRTUFIN_WITH_PACKER: expected AUTO, ON or OFF, found ${VIRTUFIN_WITH_PACKER}")
elseif(VIRTUFIN_WITH_PACKER STREQUAL "ON")
  pkg_check_modules(MINIZIP REQUIRED IMPORTED_TARGET minizip)
elseif(VIRTUFIN_WITH_PACKER STREQUAL "AUTO")
  pkg_check_modules(MINIZIP IMPORTED_TARGET minizip)
  if(NOT MINIZIP_FOUND)
    message(STATUS "minizip was not found: the packer of native workers is left out")
  endif()
endif()
