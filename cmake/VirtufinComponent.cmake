# virtufin_component(<name> [INTERFACE] SOURCES ... [DEPENDS <components>]
#                    [PRIVATE_DEPENDS <components>] [THIRD_PARTY <targets>]
#                    [PUBLIC_THIRD_PARTY <targets that a public header shows>])
#
# One static, hidden, position-independent archive per component, `virtufin::<name>`. Layer and
# allowed edges come from VirtufinLayers.cmake: an edge that is not listed there, or that does not
# go down, ends the configuration.
include_guard(GLOBAL)
include(${CMAKE_CURRENT_LIST_DIR}/VirtufinLayers.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/VirtufinInstall.cmake)
set(VIRTUFIN_UNITY OFF CACHE STRING
  "compile sources of a target together: OFF, TESTS or ALL; for lanes that build everything once")

function(virtufin_check_edges name)
  virtufin_component_entry(${name} layer uses)
  if(layer STREQUAL "")
    message(FATAL_ERROR "component ${name} is not listed in cmake/VirtufinLayers.cmake")
  endif()
  foreach(dep IN LISTS ARGN)
    virtufin_component_entry(${dep} dep_layer _)
    if(dep_layer STREQUAL "")
      message(FATAL_ERROR "component ${name} depends on ${dep}, which is not listed")
    elseif(NOT dep IN_LIST uses)
      message(FATAL_ERROR "component ${name} may not use ${dep}: allowed are ${uses}")
    elseif(dep_layer GREATER_EQUAL layer)
      message(FATAL_ERROR "component ${name} (layer ${layer}) must not depend on ${dep} "
                          "(layer ${dep_layer}): edges go to a smaller layer only")
    endif()
  endforeach()
endfunction()

# Compiles sources of a target together where none of their names clash. It halves the work of a
# lane; while working it would only make every change dear.
function(virtufin_unity target)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "^[^$]*\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "^/")
  list(LENGTH sources count)
  if(count LESS 2)
    return()
  endif()
  get_target_property(folder ${target} SOURCE_DIR)
  execute_process(COMMAND ${Python3_EXECUTABLE}
    "${PROJECT_SOURCE_DIR}/cmake/scripts/unity_groups.py" 12 ${sources}
    WORKING_DIRECTORY "${folder}" OUTPUT_VARIABLE groups COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE ";" "|" groups "${groups}")
  string(REGEX MATCHALL "[^\n]+" groups "${groups}")
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # g++ takes an included source for a header, whose types should not hold unnamed ones.
  target_compile_options(${target} PRIVATE
    "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-subobject-linkage>")
  set(number 0)
  foreach(group IN LISTS groups)
    math(EXPR number "${number}+1")
    string(REPLACE "|" ";" group "${group}")
    set_source_files_properties(${group} DIRECTORY "${folder}" PROPERTIES UNITY_GROUP ${target}_${number})
  endforeach()
endfunction()

# Flags for our own code; third-party headers come in as system headers.
function(virtufin_own_code target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF C_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic
    "$<$<BOOL:${virtufin_IS_TOP_LEVEL}>:-Werror>"
    "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>")
  get_target_property(folder ${target} SOURCE_DIR)
  string(FIND "${folder}/" "${PROJECT_SOURCE_DIR}/tests/" in_tests)
  if(VIRTUFIN_UNITY STREQUAL "ALL" OR (VIRTUFIN_UNITY STREQUAL "TESTS" AND in_tests EQUAL 0))
    virtufin_unity(${target})
  endif()
  # g++ 12 sees an overlap in every `"literal" + std::string` that it inlines (GCC bug 105651).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>")
  endif()
endfunction()

# What a program links but does not use is left out of it; -O3 is for where events pass, and the sources
# that see none, `cold`, are made small.
function(virtufin_small_code target component cold)
  target_compile_options(${target} PRIVATE
    "$<$<CONFIG:Release>:-ffunction-sections;-fdata-sections>")
  if(NOT component MATCHES "^(core|event|pubsub|exchange|worker|sim)$")
    target_compile_options(${target} PRIVATE "$<$<CONFIG:Release>:-O2>")
  endif()
  set_source_files_properties(${cold} PROPERTIES COMPILE_OPTIONS "$<$<CONFIG:Release>:-Os>")
endfunction()

function(virtufin_component name)
  cmake_parse_arguments(PARSE_ARGV 1 C "INTERFACE" ""
                        "SOURCES;COLD;DEPENDS;PRIVATE_DEPENDS;THIRD_PARTY;PUBLIC_THIRD_PARTY")
  if(C_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "component ${name}: unknown arguments ${C_UNPARSED_ARGUMENTS}")
  endif()
  virtufin_check_edges(${name} ${C_DEPENDS} ${C_PRIVATE_DEPENDS})
  set(uses ${C_DEPENDS} ${C_PRIVATE_DEPENDS})
  list(TRANSFORM C_DEPENDS PREPEND virtufin_)
  list(TRANSFORM C_PRIVATE_DEPENDS PREPEND virtufin_)
  set(target virtufin_${name})
  if(C_INTERFACE)
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${C_DEPENDS})
    target_include_directories(${target} INTERFACE
      "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/c_api/include>"
      "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  else()
    add_library(${target} STATIC ${C_SOURCES} ${C_COLD})
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON
      CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
    virtufin_own_code(${target})
    virtufin_small_code(${target} ${name} "${C_COLD}")
    target_compile_features(${target} PUBLIC cxx_std_20)
    target_include_directories(${target}
      PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
             "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>"
      PRIVATE "${PROJECT_SOURCE_DIR}/src")
    if(name IN_LIST VIRTUFIN_INTERNAL)
      target_include_directories(${target} PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>")
    endif()
    virtufin_link_items(third_party ${C_THIRD_PARTY})
    target_link_libraries(${target} PUBLIC ${C_DEPENDS} ${C_PUBLIC_THIRD_PARTY}
                          PRIVATE ${C_PRIVATE_DEPENDS} ${third_party})
    virtufin_one_way(${target} "C++ targets")
  endif()
  virtufin_export_name(${name} export_name)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${export_name})
  add_library(virtufin::${name} ALIAS ${target})
  set(headers_of HEADERS_OF ${name})
  if(name IN_LIST VIRTUFIN_INTERNAL)
    set(headers_of "")
  endif()
  virtufin_install_component(${name} ${target} ${headers_of} USES ${uses}
                             THIRD_PARTY ${C_THIRD_PARTY} PUBLIC_THIRD_PARTY ${C_PUBLIC_THIRD_PARTY})
endfunction()
