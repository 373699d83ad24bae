# A recording of the venue: counts and final books of adapter and worker are those of EXPECTED.
if(NOT EXISTS ${DATA}/${MARKET}.ws.1.0)
  message(STATUS "skipped: no recordings in ${DATA}")
  return()
endif()
execute_process(COMMAND ${QUICKSTART} --speed max
  --recording ${DATA}/${MARKET}.ws.1.0 ${DATA}/${MARKET}.http.0.0
  OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE rc)
if(NOT rc EQUAL 0 OR NOT err STREQUAL "")
  message(FATAL_ERROR "exit code ${rc}\n${out}\n${err}")
endif()
string(REGEX REPLACE "  +" " " out "${out}")
file(STRINGS ${EXPECTED} expected)
foreach(line IN LISTS expected)
  string(FIND "${out}" "${line}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "'${line}' is not in\n${out}")
  endif()
endforeach()
