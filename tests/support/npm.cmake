# For scripts of tests that run npm packages: npm_install(<out-var> <folder> <scratch folder>).
cmake_minimum_required(VERSION 3.25)

# What cannot be had is a skip, or a failure where everything is required.
function(npm_missing what)
  if("$ENV{VIRTUFIN_TESTS_REQUIRE_ALL}" STREQUAL "1")
    message(FATAL_ERROR "${what}")
  endif()
  message(STATUS "skipped: ${what}")
endfunction()

# Installs what package-lock.json of the folder names into the scratch folder, once, and gives the
# node to run it with; empty, with the reason told, when that cannot be had.
function(npm_install out folder work)
  set(${out} "" PARENT_SCOPE)
  find_program(NODE node)
  find_program(NPM npm)
  if(NOT NODE OR NOT NPM)
    npm_missing("node and npm are missing (node 20.19 or newer)")
    return()
  endif()
  execute_process(COMMAND ${NODE} --version OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE
                  COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "^v" "" version "${version}")
  if(version VERSION_LESS 20.19)
    npm_missing("the locked packages of ${folder} need node 20.19 or newer, found ${version}")
    return()
  endif()
  file(READ "${folder}/package-lock.json" lock)
  set(installed "")
  if(EXISTS "${work}/installed")
    file(READ "${work}/installed" installed)
  endif()
  if(NOT installed STREQUAL lock)
    file(REMOVE_RECURSE "${work}")
    file(MAKE_DIRECTORY "${work}")
    file(COPY "${folder}/package.json" "${folder}/package-lock.json" DESTINATION "${work}")
    execute_process(COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund
                    WORKING_DIRECTORY "${work}" OUTPUT_VARIABLE output ERROR_VARIABLE output
                    RESULT_VARIABLE failed TIMEOUT 180)
    if(failed)
      message("${output}")
      npm_missing("npm cannot install the locked packages of ${folder}")
      return()
    endif()
    file(WRITE "${work}/installed" "${lock}")
  endif()
  set(${out} "${NODE}" PARENT_SCOPE)
endfunction()
