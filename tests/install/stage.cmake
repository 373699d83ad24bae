# Installs the build and moves it: whoever uses it afterwards cannot rely on where it was built or
# first installed. -DBUILD=<build folder> -DWORK=<first prefix> -DPREFIX=<where it ends>
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${WORK}" "${PREFIX}")
# Stripped: a build with tests keeps debug information, which names where it was built.
execute_process(COMMAND ${CMAKE_COMMAND} --install "${BUILD}" --prefix "${WORK}" --strip
  OUTPUT_VARIABLE out ERROR_VARIABLE out RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${out}")
endif()
file(RENAME "${WORK}" "${PREFIX}")
