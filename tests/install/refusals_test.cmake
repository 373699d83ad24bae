# A request that the package cannot serve ends the configuration with words that say what to do.
cmake_minimum_required(VERSION 3.25)

# expect_refusal(<case> <regex of the message, or "passes">)
function(expect_refusal case expected)
  set(folder "${WORK}/${case}")
  file(REMOVE_RECURSE "${folder}")
  execute_process(
    COMMAND ${CMAKE_COMMAND} -S "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/refused" -B "${folder}" -G Ninja
      -DCASE=${case} -DCMAKE_C_COMPILER=${CC} -DCMAKE_CXX_COMPILER=${CXX}
      "-DCMAKE_PREFIX_PATH=${PREFIX}"
    RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  string(REGEX REPLACE "[ \n]+" " " out "${out}")
  if(expected STREQUAL "passes")
    if(NOT code EQUAL 0)
      message(FATAL_ERROR "${case}: expected to pass, found ${code}: ${out}")
    endif()
  elseif(code EQUAL 0 OR NOT out MATCHES "${expected}")
    message(FATAL_ERROR "${case}: expected a refusal with '${expected}', found ${code}: ${out}")
  endif()
endfunction()

expect_refusal(both "LINKS_EITHER_CXX_TARGETS_OR_THE_C_LIBRARY")
expect_refusal(unknown "there is no component telepathy in this package; it has: core, event")
expect_refusal(private "there is no component net in this package")
if(EXISTS "${PREFIX}/${LIBDIR}/cmake/virtufin/virtufin-exchange.cmake")
  expect_refusal(dependency
    "component net needs CURL 7.88 .Debian: libcurl4-openssl-dev., which was not found")
endif()
expect_refusal(optional passes)
expect_refusal(newer "requested version .0.2.")
expect_refusal(cpp_worker "C\\+\\+ sources need the worker SDK: .*COMPONENTS worker")
