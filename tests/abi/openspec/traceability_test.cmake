# cmake -DROOT=<source root> -DWORK=<scratch folder> -P traceability_test.cmake
#
# The check of specification, tests and headers finds what it is there to find: each case is a small
# tree with one fault.
cmake_minimum_required(VERSION 3.25)
set(page docs/openspec/specs/events/spec.md)
set(other docs/openspec/specs/topics/spec.md)
set(test tests/unit/event/a_test.cpp)
set(header include/virtufin/event/a.hpp)

# expect_check(<name> <regex or "passes"> <file> <text> ...): the files replace those of the clean
# tree.
function(expect_check name expected)
  set(tree "${WORK}/${name}")
  file(REMOVE_RECURSE "${tree}")
  file(WRITE "${tree}/${page}" "# Events\n### Requirement: EV-1 One\n### Requirement: EV-12 Two\n")
  file(WRITE "${tree}/${other}" "# Topics\n### Requirement: TOP-1 Three\n")
  file(WRITE "${tree}/${test}" "// Pins EV-1.\nTEST_CASE(\"a[0]; b\") {}\n")
  file(WRITE "${tree}/tests/unit/event/CMakeLists.txt" "virtufin_test(event SOURCES a_test.cpp)\n")
  file(WRITE "${tree}/tests/fuzz/CMakeLists.txt" "virtufin_fuzz(a_fuzz)\n")
  file(WRITE "${tree}/tests/abi/b.cmake" "# Pins EV-12, TOP-1.\n")
  file(WRITE "${tree}/${header}" "// A.\n// Specification: ${page}\n#pragma once\n")
  file(WRITE "${tree}/c_api/include/virtufin/v.h" "/* V.\n * Specification: ${other} */\n")
  while(ARGN)
    list(POP_FRONT ARGN path text)
    file(WRITE "${tree}/${path}" "${text}\n")
  endwhile()
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${tree}
    -P "${ROOT}/cmake/scripts/check_openspec.cmake"
    RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(expected STREQUAL "passes")
    if(NOT code EQUAL 0)
      message(FATAL_ERROR "${name}: expected the check to pass, found ${code}: ${out}")
    endif()
  elseif(code EQUAL 0 OR NOT out MATCHES "${expected}" OR NOT out MATCHES "1 faults")
    message(FATAL_ERROR "${name}: expected a refusal with '${expected}', found ${code}: ${out}")
  endif()
endfunction()

expect_check(clean passes)
expect_check(lines_of_pins passes ${test}
  "// Pins EV-1, EV-12.\n  // Pins TOP-1.\n  TEST_CASE_TEMPLATE_DEFINE(\"x\")\n")
expect_check(fuzz_target passes tests/fuzz/a_fuzz.cpp
  "// Pins EV-1.\nextern \"C\" int LLVMFuzzerTestOneInput(")
expect_check(c_test passes tests/integration/a.c "/* Pins EV-1. */\nstatic int check(void)")
expect_check(no_test "${page}: no test pins EV-1\n" ${test} "TEST_CASE(\"x\") {}")
expect_check(one_digit_more "${page}: no test pins EV-12\n" tests/abi/b.cmake "# Pins EV-1, TOP-1.")
expect_check(unknown "${test}: pins EV-2, which no page of the specification has" ${test}
  "// Pins EV-1, EV-2.\nTEST_CASE(\"x\") {}")
expect_check(unknown_prefix "tests/abi/c.cmake: pins XX-1, which no page" tests/abi/c.cmake
  "# Pins XX-1.")
expect_check(malformed "${test}: expected 'Pins <id>, <id>.', found 'Pins EV-12 and more'" ${test}
  "// Pins EV-1.\n// Pins EV-12 and more\nTEST_CASE(\"x\") {}")
expect_check(no_test_below "${test}: expected a test right below the pins, found 'int x'" ${test}
  "// Pins EV-1.\nint x\nTEST_CASE(\"x\") {}")
expect_check(not_built "b_test.cpp: pins, but the CMakeLists.txt beside it does not build it"
  tests/unit/event/b_test.cpp "// Pins EV-1.\nTEST_CASE(\"x\") {}")
expect_check(twice "${page}: EV-1 is there twice" ${page}
  "# Events\n### Requirement: EV-1 One\n### Requirement: EV-12 Two\n### Requirement: EV-1 Again")
expect_check(no_id "${page}: expected '### Requirement: <PREFIX>-<number> <title>', found" ${page}
  "# Events\n### Requirement: EV-1 One\n### Requirement: EV-12 Two\n### Requirement: Three")
expect_check(mixed_prefix "${page}: expected an id EV-<number>, found TOP-2" ${page}
  "# Events\n### Requirement: EV-1 One\n### Requirement: EV-12 Two\n### Requirement: TOP-2 X"
  tests/abi/c.cmake "# Pins TOP-2.")
expect_check(shared_prefix "${other}: the prefix EV belongs to another page" ${other}
  "# Topics\n### Requirement: EV-2 Three" tests/abi/b.cmake "# Pins EV-12, EV-2.")
expect_check(header_without_page "${header}: expected one 'Specification: " ${header}
  "#pragma once")
expect_check(header_with_two "${header}: expected one 'Specification: .*, found 2" ${header}
  "// Specification: ${page}\n// Specification: ${other}")
expect_check(c_header_to_nowhere "v.h: names docs/openspec/specs/moon/spec.md, which does not exist"
  c_api/include/virtufin/v.h "/* Specification: docs/openspec/specs/moon/spec.md */")
