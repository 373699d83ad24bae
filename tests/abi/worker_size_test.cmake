# cmake -DSTRIP=<strip> -DLIBRARY=<worker library> -DMAX_BYTES=<n> -DWORK=<scratch folder>
#       -P worker_size_test.cmake
#
# A worker library without its debug information is no larger than it is said to be.
cmake_minimum_required(VERSION 3.25)
if(NOT STRIP)
  if("$ENV{VIRTUFIN_TESTS_REQUIRE_ALL}" STREQUAL "1")
    message(FATAL_ERROR "strip is missing (package binutils)")
  endif()
  message(STATUS "skipped: strip is missing (package binutils)")
  return()
endif()
file(MAKE_DIRECTORY "${WORK}")
execute_process(COMMAND ${STRIP} -o "${WORK}/stripped.so" "${LIBRARY}" COMMAND_ERROR_IS_FATAL ANY)
file(SIZE "${WORK}/stripped.so" size)
if(size GREATER MAX_BYTES)
  message(FATAL_ERROR "${LIBRARY} has ${size} bytes stripped, expected at most ${MAX_BYTES}")
endif()
message("${LIBRARY}: ${size} bytes stripped, at most ${MAX_BYTES}")
