# The C program of the consumer `c` loads the native workers of the consumer `worker`.
cmake_minimum_required(VERSION 3.25)
foreach(worker answer_c answer_cpp)
  execute_process(COMMAND "${CONSUMERS}/c/use_c" "${CONSUMERS}/worker/lib${worker}.so"
    OUTPUT_VARIABLE out ERROR_VARIABLE out RESULT_VARIABLE code)
  if(NOT code EQUAL 0 OR NOT out MATCHES "answers: ")
    message(FATAL_ERROR "${worker}: expected an answer, found ${code}: ${out}")
  endif()
endforeach()
