# cmake -DVENUE=<simulated_venue> -DWORK=<scratch folder> -P run.cmake
#
# Installs the locked npm packages into the scratch folder, once, and runs interop.mjs there.
cmake_minimum_required(VERSION 3.25)

# What cannot be had is a skip, or a failure where everything is required.
function(missing what)
  if("$ENV{VIRTUFIN_TESTS_REQUIRE_ALL}" STREQUAL "1")
    message(FATAL_ERROR "${what}")
  endif()
  message(STATUS "skipped: ${what}")
endfunction()

find_program(NODE node)
find_program(NPM npm)
if(NOT NODE OR NOT NPM)
  missing("node and npm are missing (node 20.19 or newer)")
  return()
endif()
execute_process(COMMAND ${NODE} --version OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE
                COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "^v" "" version "${version}")
if(version VERSION_LESS 20.19)
  missing("the locked ccxt needs node 20.19 or newer, found ${version}")
  return()
endif()

set(here "${CMAKE_CURRENT_LIST_DIR}")
file(READ "${here}/package-lock.json" lock)
set(installed "")
if(EXISTS "${WORK}/installed")
  file(READ "${WORK}/installed" installed)
endif()
if(NOT installed STREQUAL lock)
  file(REMOVE_RECURSE "${WORK}")
  file(MAKE_DIRECTORY "${WORK}")
  file(COPY "${here}/package.json" "${here}/package-lock.json" DESTINATION "${WORK}")
  execute_process(COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund
                  WORKING_DIRECTORY "${WORK}" OUTPUT_VARIABLE output ERROR_VARIABLE output
                  RESULT_VARIABLE failed TIMEOUT 180)
  if(failed)
    message("${output}")
    missing("npm cannot install the locked ccxt")
    return()
  endif()
  file(WRITE "${WORK}/installed" "${lock}")
endif()
execute_process(COMMAND ${NODE} "${here}/interop.mjs" "${VENUE}" "${WORK}" RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "the interop ended with ${failed}")
endif()
