# Each installed header compiles alone, twice in one unit; all of them together link into one program
# from two units (a function defined in a header without `inline` would clash).
file(GLOB_RECURSE cxx_headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/include"
  "${PROJECT_SOURCE_DIR}/include/*.hpp")
file(GLOB_RECURSE c_headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/c_api/include"
  "${PROJECT_SOURCE_DIR}/c_api/include/*.h")
set(units "${CMAKE_CURRENT_BINARY_DIR}/headers")

# virtufin_header_units(<list-var> <extension> <headers...>): one unit a header.
function(virtufin_header_units out extension)
  set(made "")
  foreach(header IN LISTS ARGN)
    string(MAKE_C_IDENTIFIER "${header}" id)
    set(unit "${units}/${extension}/${id}.${extension}")
    file(CONFIGURE OUTPUT "${unit}" @ONLY
      CONTENT "#include \"@header@\"\n#include \"@header@\"\nextern int @id@_alone;\nint @id@_alone = 0;\n")
    list(APPEND made "${unit}")
  endforeach()
  set(${out} "${made}" PARENT_SCOPE)
endfunction()

function(virtufin_headers_alone name)
  add_library(${name} OBJECT ${ARGN})
  virtufin_own_code(${name})
  set_target_properties(${name} PROPERTIES C_STANDARD_REQUIRED ON)
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/include"
    "${PROJECT_SOURCE_DIR}/c_api/include")
endfunction()

virtufin_header_units(cxx_units cpp ${cxx_headers} ${c_headers})
virtufin_headers_alone(virtufin_headers_cxx20 ${cxx_units})
# Pins CA-18, WA-33.
virtufin_header_units(c_units c ${c_headers})
foreach(standard 99 11)
  virtufin_headers_alone(virtufin_headers_c${standard} ${c_units})
  set_target_properties(virtufin_headers_c${standard} PROPERTIES C_STANDARD ${standard})
endforeach()

set(all "")
foreach(header IN LISTS cxx_headers c_headers)
  string(APPEND all "#include \"${header}\"\n")
endforeach()
file(CONFIGURE OUTPUT "${units}/together_a.cpp" CONTENT "@all@int main() { return 0; }\n" @ONLY)
file(CONFIGURE OUTPUT "${units}/together_b.cpp" CONTENT "@all@" @ONLY)
virtufin_test(headers_together NO_MAIN
  SOURCES "${units}/together_a.cpp" "${units}/together_b.cpp")
target_include_directories(headers_together PRIVATE "${PROJECT_SOURCE_DIR}/include"
  "${PROJECT_SOURCE_DIR}/c_api/include")
