# cmake -DROOT=<source root> -DWORK=<scratch folder> -P validate.cmake
#
# The specification has the OpenSpec form: the locked validator accepts it, and refuses a page
# without a scenario.
cmake_minimum_required(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/../../support/npm.cmake")

npm_install(node "${CMAKE_CURRENT_LIST_DIR}" "${WORK}/npm")
if(NOT node)
  return()
endif()

# validate(<out-var> <folder that holds openspec/>): its exit code; <out-var>_text: what it says. It
# reports to nobody and keeps its settings in the scratch folder.
function(validate out folder)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env OPENSPEC_TELEMETRY=0 DO_NOT_TRACK=1 CI=true
    "HOME=${WORK}" "XDG_CONFIG_HOME=${WORK}" ${node}
    "${WORK}/npm/node_modules/@fission-ai/openspec/bin/openspec.js" validate --all --strict
    WORKING_DIRECTORY "${folder}" RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  set(${out} "${code}" PARENT_SCOPE)
  set(${out}_text "${text}" PARENT_SCOPE)
endfunction()

validate(failed "${ROOT}/docs")
message("${failed_text}")
if(failed)
  message(FATAL_ERROR "docs/openspec is not valid")
endif()

set(bad "${WORK}/bad")
file(REMOVE_RECURSE "${bad}")
file(WRITE "${bad}/openspec/specs/events/spec.md" "# Events\n## Purpose\n\
A page that is long enough to be taken for one, but has nothing to test.\n\
## Requirements\n### Requirement: EV-1 One\nIt SHALL be so.\n")
validate(failed "${bad}")
if(NOT failed OR NOT failed_text MATCHES "at least one scenario")
  message(FATAL_ERROR "expected a page without a scenario to be refused, found: ${failed_text}")
endif()
