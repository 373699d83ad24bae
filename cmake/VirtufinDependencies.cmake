# Third-party packages, found once. Private to the components that use them.
include_guard(GLOBAL)
include(VirtufinOption)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(simdjson REQUIRED)

# The package is called flatbuffers or FlatBuffers, by version.
find_package(FlatBuffers NAMES flatbuffers FlatBuffers REQUIRED)
find_program(VIRTUFIN_FLATC flatc REQUIRED)
add_library(virtufin_flatbuffers INTERFACE)
find_path(VIRTUFIN_FLATBUFFERS_INCLUDE flatbuffers/flatbuffers.h REQUIRED)
target_include_directories(virtufin_flatbuffers SYSTEM INTERFACE
  "$<BUILD_INTERFACE:${VIRTUFIN_FLATBUFFERS_INCLUDE}>")

# Debian's libwebsockets has no CMake package that serves.
virtufin_option(FEEDS "feeds and what they stand on (net, exchange, sim, websocketmanager)"
  "find OpenSSL 3" "find CURL 7.88" "find Boost 1.74" "pkg libwebsockets" "find ZLIB")
virtufin_option(FETCH "code of workers from URLs (net, workmanager_fetch)"
  "find OpenSSL 3" "find CURL 7.88" "find Boost 1.74" "pkg libwebsockets" "find ZLIB")
virtufin_option(SQLITE "the SQLite state store" "find SQLite3 3.37")
virtufin_option(ARCHIVE "packages of native workers" "find LibArchive 3.6" "find EXPAT 2.5")
virtufin_option(PACKER "the packer of native workers" "pkg minizip" "find OpenSSL 3")
# Debian's gRPC package for CMake does not find all that it links; the module of pkg-config does.
virtufin_option(GRPC "the gRPC services (proto, rpc)" "find Protobuf 3.21" "pkg grpc++")

# Components that this build goes without: their folders are not entered.
set(VIRTUFIN_LEFT_OUT "")
if(NOT VIRTUFIN_HAVE_FEEDS)
  list(APPEND VIRTUFIN_LEFT_OUT exchange sim websocketmanager)
endif()
if(NOT VIRTUFIN_HAVE_FEEDS AND NOT VIRTUFIN_HAVE_FETCH)
  list(APPEND VIRTUFIN_LEFT_OUT net)
endif()
if(VIRTUFIN_HAVE_GRPC)
  find_path(VIRTUFIN_PROTOBUF_INCLUDE google/protobuf/descriptor.proto
    HINTS ${Protobuf_INCLUDE_DIRS} REQUIRED)
else()
  list(APPEND VIRTUFIN_LEFT_OUT proto rpc)
endif()
