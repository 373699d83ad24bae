# virtufin_add_native_worker(<name> <sources...> [PACKAGE <id> VERSION <version>])
#
# A worker library lib<name>.so that a host can load, run and unload: hidden visibility, only the
# ABI's names exported, no GNU-unique symbols (they would pin the library in the process), libstdc++
# dynamic. C++ sources get the worker SDK (virtufin::worker), C sources the two C headers.
# VIRTUFIN_WORKER_LIBRARY is defined, so VIRTUFIN_EXPORT_WORKER(W) expands to the exports.
#
# PACKAGE: the target <name>_package, which is built by default, makes <id>.nupkg beside the library
# by virtufin-pack, for the machine that is built for; the target's property VIRTUFIN_PACKAGE is the
# file.
include_guard(GLOBAL)

function(virtufin_add_native_worker name)
  cmake_parse_arguments(PARSE_ARGV 1 W "" "PACKAGE;VERSION" "")
  set(sources ${W_UNPARSED_ARGUMENTS})
  if(NOT sources)
    message(FATAL_ERROR "virtufin_add_native_worker(${name}): expected at least one source")
  endif()
  add_library(${name} MODULE ${sources})
  set_property(GLOBAL APPEND PROPERTY VIRTUFIN_NATIVE_WORKERS ${name})
  set_target_properties(${name} PROPERTIES PREFIX "lib" SUFFIX ".so"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/virtufin_worker.map")
  target_compile_definitions(${name} PRIVATE VIRTUFIN_WORKER_LIBRARY)
  target_compile_options(${name} PRIVATE
    "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>")
  target_link_options(${name} PRIVATE "LINKER:--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/virtufin_worker.map"
    "LINKER:--as-needed" "LINKER:--gc-sections" "LINKER:-z,noseparate-code")
  target_link_libraries(${name} PRIVATE virtufin::worker_abi)
  set(cxx ${sources})
  list(FILTER cxx INCLUDE REGEX "\\.(cc|cpp|cxx|c\\+\\+|C)$")
  if(cxx)
    if(NOT TARGET virtufin::worker)
      message(FATAL_ERROR "virtufin_add_native_worker(${name}): C++ sources need the worker SDK: "
                          "find_package(virtufin CONFIG REQUIRED COMPONENTS worker)")
    endif()
    target_link_libraries(${name} PRIVATE virtufin::worker)
  endif()
  if(W_PACKAGE)
    virtufin_package_native_worker(${name} "${W_PACKAGE}" "${W_VERSION}")
  endif()
endfunction()

function(virtufin_package_native_worker name id version)
  if(version STREQUAL "")
    message(FATAL_ERROR "virtufin_add_native_worker(${name}): PACKAGE ${id} without a VERSION")
  endif()
  if(TARGET virtufin_pack)
    set(pack $<TARGET_FILE:virtufin_pack>)
  else()
    # Beside the package that this file is of: <prefix>/<lib>/cmake/virtufin, <lib> of one folder or two.
    set(here "${CMAKE_CURRENT_FUNCTION_LIST_DIR}")
    find_program(VIRTUFIN_PACK virtufin-pack HINTS "${here}/../../../bin" "${here}/../../../../bin"
      REQUIRED)
    set(pack ${VIRTUFIN_PACK})
  endif()
  set(library "$<TARGET_FILE:${name}>")
  if(CMAKE_CROSSCOMPILING)
    set(rid_x86_64 linux-x64)
    set(rid_aarch64 linux-arm64)
    set(rid_riscv64 linux-riscv64)
    set(rid_loongarch64 linux-loongarch64)
    set(rid_ppc64le linux-ppc64le)
    set(rid_s390x linux-s390x)
    if(NOT DEFINED rid_${CMAKE_SYSTEM_PROCESSOR})
      message(FATAL_ERROR "virtufin_add_native_worker(${name}): PACKAGE for ${CMAKE_SYSTEM_PROCESSOR}: "
                          "no RID is known; call virtufin-pack <rid>=<library> yourself")
    endif()
    string(PREPEND library "${rid_${CMAKE_SYSTEM_PROCESSOR}}=")
  endif()
  set(package "${CMAKE_CURRENT_BINARY_DIR}/${id}.nupkg")
  add_custom_command(OUTPUT "${package}"
    COMMAND ${pack} --id ${id} --version ${version} --library ${name} --output "${package}"
            "${library}"
    DEPENDS ${name} $<TARGET_NAME_IF_EXISTS:virtufin_pack>
    COMMENT "Packing ${id}.nupkg" VERBATIM)
  add_custom_target(${name}_package ALL DEPENDS "${package}")
  set_target_properties(${name}_package PROPERTIES VIRTUFIN_PACKAGE "${package}")
endfunction()
