# virtufin_test(<name> SOURCES ... [LINK <targets>] [LABELS <labels>] [ARGS ...] [TIMEOUT <s>]
#               [NO_MAIN])
#
# A doctest program that is one ctest. Tests that start threads carry the label `threads`: the
# thread sanitizer lane runs those.
include_guard(GLOBAL)

function(virtufin_test name)
  cmake_parse_arguments(PARSE_ARGV 1 T "NO_MAIN" "TIMEOUT" "SOURCES;LINK;LABELS;ARGS;DEFINITIONS")
  if(T_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "virtufin_test(${name}): unknown arguments ${T_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  add_executable(${name} ${T_SOURCES})
  virtufin_own_code(${name})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_compile_definitions(${name} PRIVATE ${T_DEFINITIONS})
  target_link_libraries(${name} PRIVATE ${T_LINK})
  if(NOT T_NO_MAIN)
    target_link_libraries(${name} PRIVATE virtufin_test_main)
  endif()
  add_test(NAME ${name} COMMAND ${name} ${T_ARGS})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${T_TIMEOUT} LABELS "${T_LABELS}")
endfunction()
