# Configures, builds and tests the project SOURCE (a folder here) against PREFIX.
# -DSOURCE= -DWORK= -DPREFIX= -DCC= -DCXX= [-DOPTIONS=<option of its configuration>] [-DTARGET=]
# [-DRUN=<program of it> <arguments>]
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${WORK}")
# No launcher on purpose: a consumer's build is what a user's build is. The library inside another
# project is our own code, which the cache knows.
set(launcher "")
find_program(ccache ccache)
if(SOURCE STREQUAL "subproject" AND ccache)
  set(launcher -DCMAKE_C_COMPILER_LAUNCHER=${ccache} -DCMAKE_CXX_COMPILER_LAUNCHER=${ccache})
endif()
execute_process(
  COMMAND ${CMAKE_COMMAND} -S "${CMAKE_CURRENT_LIST_DIR}/${SOURCE}" -B "${WORK}" -G Ninja
    -DCMAKE_BUILD_TYPE= -DCMAKE_C_COMPILER=${CC} -DCMAKE_CXX_COMPILER=${CXX}
    "-DCMAKE_PREFIX_PATH=${PREFIX}" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF ${launcher} ${OPTIONS}
  COMMAND_ERROR_IS_FATAL ANY)
if(NOT TARGET)
  set(TARGET all)
endif()
execute_process(COMMAND ${CMAKE_COMMAND} --build "${WORK}" -j 2 --target ${TARGET} COMMAND_ERROR_IS_FATAL ANY)
file(GLOB tests "${WORK}/CTestTestfile.cmake")
if(tests)
  execute_process(COMMAND ${CMAKE_CTEST_COMMAND} --test-dir "${WORK}" --output-on-failure
    --no-tests=error COMMAND_ERROR_IS_FATAL ANY)
endif()
if(RUN)
  separate_arguments(run UNIX_COMMAND "./${RUN}")
  execute_process(COMMAND ${run} WORKING_DIRECTORY "${WORK}" TIMEOUT 60 COMMAND_ERROR_IS_FATAL ANY)
endif()
