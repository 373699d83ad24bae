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

# net and sim: WebSocket and HTTP clients, servers, TLS. Debian's libwebsockets has no CMake package
# that serves.
find_package(OpenSSL 3 REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(Boost 1.74 REQUIRED)
pkg_check_modules(LIBWEBSOCKETS REQUIRED IMPORTED_TARGET libwebsockets)
find_package(ZLIB REQUIRED)
