# The C consumer and a worker in C built by hand, with nothing but pkg-config and the compiler.
cmake_minimum_required(VERSION 3.25)
find_program(pkg_config NAMES pkg-config pkgconf REQUIRED)
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")
set(ENV{PKG_CONFIG_PATH} "${PREFIX}/${LIBDIR}/pkgconfig")
set(ENV{LD_LIBRARY_PATH} "${PREFIX}/${LIBDIR}")

# flags(<out-var> <arguments of pkg-config...>)
function(flags out)
  execute_process(COMMAND ${pkg_config} ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(words UNIX_COMMAND "${text}")
  set(${out} "${words}" PARENT_SCOPE)
endfunction()

flags(version --modversion virtufin virtufin-worker)
file(STRINGS "${ROOT}/CMakeLists.txt" project REGEX "^project\\(virtufin VERSION")
string(REGEX MATCH "[0-9.]+" expected "${project}")
if(NOT version STREQUAL "${expected};${expected}")
  message(FATAL_ERROR "expected version ${expected} of both modules, found ${version}")
endif()

flags(worker_flags --cflags --libs virtufin-worker)
execute_process(COMMAND ${CC} -shared -Wall -Wextra -Werror
  "${CMAKE_CURRENT_LIST_DIR}/worker/answer_c.c" ${worker_flags} -o "${WORK}/libanswer.so"
  COMMAND_ERROR_IS_FATAL ANY)
# --static too: there is no static library of the C API, and nothing that it would have to add.
foreach(mode "" --static)
  flags(program_flags --cflags --libs ${mode} virtufin)
  execute_process(COMMAND ${CC} -std=c11 -Wall -Wextra -Werror
    "${CMAKE_CURRENT_LIST_DIR}/c/use_c.c" ${program_flags} -o "${WORK}/use_c"
    COMMAND_ERROR_IS_FATAL ANY)
endforeach()
foreach(worker "${WORK}/libanswer.so" "${WORKERS}/libanswer_cpp.so")
  execute_process(COMMAND "${WORK}/use_c" "${worker}" TIMEOUT 90 COMMAND_ERROR_IS_FATAL ANY)
endforeach()
