# cmake -DABIDIFF=<abidiff> -DHEADERS=<c_api/include> -DRECORDED=<libvirtufin.abi> -DLIBRARY=<library>
#       -P abi_test.cmake
#
# The library has the ABI that is recorded: functions, their parameters, the structs they take.
cmake_minimum_required(VERSION 3.25)
if(NOT ABIDIFF)
  if("$ENV{VIRTUFIN_TESTS_REQUIRE_ALL}" STREQUAL "1")
    message(FATAL_ERROR "abidiff is missing (package abigail-tools)")
  endif()
  message(STATUS "skipped: abidiff is missing (package abigail-tools)")
  return()
endif()
execute_process(COMMAND ${ABIDIFF} --headers-dir2 ${HEADERS} ${RECORDED} ${LIBRARY}
  RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${out}\nabidiff says ${code}: the ABI is not the recorded one (8: incompatible). "
                      "When that is meant: cmake/scripts/record_abi.sh")
endif()
message("the ABI is the recorded one")
