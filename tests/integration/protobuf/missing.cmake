# What cannot be had is a skip, or a failure where everything is required.
if("$ENV{VIRTUFIN_TESTS_REQUIRE_ALL}" STREQUAL "1")
  message(FATAL_ERROR "Protobuf is missing (packages protobuf-compiler and libprotobuf-dev)")
endif()
message(STATUS "skipped: Protobuf is missing (packages protobuf-compiler and libprotobuf-dev)")
