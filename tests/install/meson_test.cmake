# meson.build makes the same C library as CMake, and a Meson project that uses it builds and runs.
cmake_minimum_required(VERSION 3.25)
find_program(meson meson)
if(NOT meson)
  if("$ENV{VIRTUFIN_TESTS_REQUIRE_ALL}" STREQUAL "1")
    message(FATAL_ERROR "meson is missing (package meson)")
  endif()
  message(STATUS "skipped: meson is missing (package meson)")
  return()
endif()
# With CC given Meson looks for no ccache itself.
find_program(ccache ccache)
set(ENV{CC} "${CC}")
set(ENV{CXX} "${CXX}")
if(ccache)
  set(ENV{CC} "${ccache} ${CC}")
  set(ENV{CXX} "${ccache} ${CXX}")
endif()
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_FILE "${WORK}/log" ERROR_FILE "${WORK}/log"
    RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    file(READ "${WORK}/log" log)
    message(FATAL_ERROR "${ARGN}: ${code}: ${log}")
  endif()
endfunction()

# Not optimised: what is tested is which files go in, and how they link.
run(${meson} setup "${WORK}/library" "${ROOT}" --prefix "${WORK}/first" --libdir lib
  -Doptimization=0 -Db_ndebug=true -Dpkgconfig.relocatable=true)
run(${meson} install -C "${WORK}/library")
file(RENAME "${WORK}/first" "${WORK}/moved")

# The same files, and the same names exported.
foreach(library "${WORK}/moved/lib/libvirtufin.so.0" "${PREFIX}/${LIBDIR}/libvirtufin.so.0")
  execute_process(COMMAND nm -D --defined-only --format=posix "${library}" OUTPUT_VARIABLE symbols
    COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "virtufin_[a-z_]+@@VIRTUFIN_0" names "${symbols}")
  list(LENGTH names count)
  if(count LESS 30)
    message(FATAL_ERROR "${library}: expected the names of virtufin.h, found ${count}: ${symbols}")
  endif()
  list(APPEND exported "${names}")
  list(APPEND counts ${count})
endforeach()
list(REMOVE_DUPLICATES exported)
list(LENGTH exported all)
if(NOT counts STREQUAL "${all};${all}")
  message(FATAL_ERROR "expected equal names, found ${counts} in Meson's and CMake's: ${exported}")
endif()
foreach(file include/virtufin/virtufin.h include/virtufin/virtufin_worker_api_c.h
    include/virtufin/virtufin_worker_wire.h lib/pkgconfig/virtufin.pc
    lib/pkgconfig/virtufin-worker.pc lib/libvirtufin.so)
  if(NOT EXISTS "${WORK}/moved/${file}")
    message(FATAL_ERROR "meson installed no ${file}")
  endif()
endforeach()

file(COPY "${CMAKE_CURRENT_LIST_DIR}/meson/meson.build" "${CMAKE_CURRENT_LIST_DIR}/c/use_c.c"
  "${CMAKE_CURRENT_LIST_DIR}/worker/answer_c.c"
  "${CMAKE_CURRENT_LIST_DIR}/worker/answer.h" DESTINATION "${WORK}/project")
set(ENV{PKG_CONFIG_PATH} "${WORK}/moved/lib/pkgconfig")
set(ENV{LD_LIBRARY_PATH} "${WORK}/moved/lib")
run(${meson} setup "${WORK}/consumer" "${WORK}/project")
run(${meson} test -C "${WORK}/consumer" --print-errorlogs)
