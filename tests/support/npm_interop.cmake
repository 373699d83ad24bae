# cmake -DFOLDER=<of interop.mjs> -DPROGRAM=<our side> -DWORK=<scratch folder> -P npm_interop.cmake
#
# Installs the npm packages that FOLDER locks into the scratch folder, once, and runs interop.mjs there.
cmake_minimum_required(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/npm.cmake")

npm_install(node "${FOLDER}" "${WORK}")
if(NOT node)
  return()
endif()
execute_process(COMMAND ${node} "${FOLDER}/interop.mjs" "${PROGRAM}" "${WORK}"
                RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "the interop ended with ${failed}")
endif()
