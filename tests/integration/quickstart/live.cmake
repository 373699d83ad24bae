# The quickstart on the simulated venue, shortened: a lost diff and a cut are shown and recovered from,
# and the books end equal. As plain lines, because the output is no terminal.
execute_process(COMMAND ${QUICKSTART} --seconds 8 TIMEOUT 100
  OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE rc)
if(NOT rc EQUAL 0)
  message(FATAL_ERROR "exit code ${rc}\n${out}\n${err}")
endif()
string(ASCII 27 escape)
if(out MATCHES "${escape}")
  message(FATAL_ERROR "expected no terminal sequences in\n${out}")
endif()
foreach(expected "fault: 2000 gap BTCUSDT" "fault: 4000 cut" "BTCUSDT +feed gap"
        "BTCUSDT +feed live" "connection disconnected" "BTCUSDT +live" "AVAXUSDT +live"
        "1 diffs lost" "Trades missing: 0" "events/s" "p99" "spread"
        "Books of venue, adapter and worker are equal")
  if(NOT out MATCHES "${expected}")
    message(FATAL_ERROR "'${expected}' is not in\n${out}\n${err}")
  endif()
endforeach()
foreach(bad "--seconds;0" "--seconds;x" "--seconds;5;--speed;max" "--recording;one")
  execute_process(COMMAND ${QUICKSTART} ${bad} OUTPUT_QUIET ERROR_VARIABLE err RESULT_VARIABLE rc)
  if(NOT rc EQUAL 2 OR err STREQUAL "")
    message(FATAL_ERROR "${bad}: expected exit code 2 and a reason, found ${rc} '${err}'")
  endif()
endforeach()
