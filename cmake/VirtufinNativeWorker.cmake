# virtufin_add_native_worker(<name> <sources...>)
#
# A worker library lib<name>.so that a host can load, run and unload: hidden visibility, only the
# ABI's names exported, no GNU-unique symbols (they would pin the library in the process), libstdc++
# dynamic. C++ sources get the worker SDK (virtufin::worker), C sources the two C headers.
# VIRTUFIN_WORKER_LIBRARY is defined, so VIRTUFIN_EXPORT_WORKER(W) expands to the exports.
include_guard(GLOBAL)

function(virtufin_add_native_worker name)
  if(NOT ARGN)
    message(FATAL_ERROR "virtufin_add_native_worker(${name}): expected at least one source")
  endif()
  add_library(${name} MODULE ${ARGN})
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
  set(cxx ${ARGN})
  list(FILTER cxx EXCLUDE REGEX "\\.c$")
  if(cxx)
    if(NOT TARGET virtufin::worker)
      message(FATAL_ERROR "virtufin_add_native_worker(${name}): C++ sources need the worker SDK: "
                          "find_package(virtufin CONFIG REQUIRED COMPONENTS worker)")
    endif()
    target_link_libraries(${name} PRIVATE virtufin::worker)
  endif()
endfunction()
