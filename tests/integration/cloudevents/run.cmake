# cmake -DPEER=<cloudevents_peer> -DWORK=<scratch folder> -P run.cmake
#
# Installs the locked npm packages into the scratch folder, once, and runs interop.mjs there.
cmake_minimum_required(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/../../support/npm.cmake")

npm_install(node "${CMAKE_CURRENT_LIST_DIR}" "${WORK}")
if(NOT node)
  return()
endif()
execute_process(COMMAND ${node} "${CMAKE_CURRENT_LIST_DIR}/interop.mjs" "${PEER}" "${WORK}"
                RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "the interop ended with ${failed}")
endif()
