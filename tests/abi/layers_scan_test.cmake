# cmake -DROOT=<source root> -DWORK=<scratch folder> -P layers_scan_test.cmake
#
# The include scan finds what it is there to find: each case is a small tree with one fault.
cmake_minimum_required(VERSION 3.25)

# expect_scan(<name> <regex or "passes"> <file> <text> ...)
function(expect_scan name expected)
  set(tree "${WORK}/${name}")
  file(REMOVE_RECURSE "${tree}")
  file(COPY "${ROOT}/cmake/VirtufinLayers.cmake" DESTINATION "${tree}/cmake")
  file(WRITE "${tree}/include/virtufin/core/low.hpp" "#pragma once\n")
  file(WRITE "${tree}/include/virtufin/event/high.hpp" "#include \"virtufin/core/low.hpp\"\n")
  file(WRITE "${tree}/src/core/hidden.hpp" "#pragma once\n")
  while(ARGN)
    list(POP_FRONT ARGN path text)
    file(WRITE "${tree}/${path}" "${text}\n")
  endwhile()
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${tree} -P "${ROOT}/cmake/scripts/check_layers.cmake"
    RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(expected STREQUAL "passes")
    if(NOT code EQUAL 0)
      message(FATAL_ERROR "${name}: expected the scan to pass, found ${code}: ${out}")
    endif()
  elseif(code EQUAL 0 OR NOT out MATCHES "${expected}")
    message(FATAL_ERROR "${name}: expected a refusal with '${expected}', found ${code}: ${out}")
  endif()
endfunction()

expect_scan(clean passes)
expect_scan(upward "src/core/a.cpp: core .layer 0. may not include event .layer 10."
  src/core/a.cpp "#include \"virtufin/event/high.hpp\"")
expect_scan(upward_spaced "src/core/a.cpp: core" src/core/a.cpp "  #  include <virtufin/event/high.hpp>")
expect_scan(unlisted_edge "src/exchange/a.cpp: exchange .layer 30. may not include engine"
  include/virtufin/engine/e.hpp "#pragma once" src/exchange/a.cpp "#include \"virtufin/engine/e.hpp\"")
expect_scan(private_header "src/event/a.cpp: includes core/hidden.hpp, a private header of core"
  src/event/a.cpp "#include \"core/hidden.hpp\"")
expect_scan(own_private_header passes src/core/a.cpp "#include \"core/hidden.hpp\"")
expect_scan(no_such_header "includes virtufin/core/gone.hpp, which does not exist"
  src/event/a.cpp "#include \"virtufin/core/gone.hpp\"")
expect_scan(no_component "src/stray/a.cpp: belongs to no listed component"
  src/stray/a.cpp "#include <vector>")
expect_scan(c_header_upward "virtufin_worker_api_c.h: worker_abi .layer 0. may not include"
  c_api/include/virtufin/virtufin_worker_api_c.h "#include \"virtufin/virtufin.h\""
  c_api/include/virtufin/virtufin.h "")
