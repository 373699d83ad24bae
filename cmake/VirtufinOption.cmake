# virtufin_option(<X> <what stands on it> <package>...)
#
# VIRTUFIN_WITH_<X> is AUTO, ON or OFF: AUTO builds what stands on the packages when all are there and
# says what it leaves out otherwise, ON demands them, OFF leaves it out. VIRTUFIN_HAVE_<X> is the answer.
# A package is `find <arguments of find_package>` or `pkg <module>`, whose target is PkgConfig::<MODULE>.
include_guard(GLOBAL)
find_package(PkgConfig REQUIRED)

macro(virtufin_option name what)
  set(VIRTUFIN_WITH_${name} AUTO CACHE STRING "${what}: AUTO, ON or OFF")
  set_property(CACHE VIRTUFIN_WITH_${name} PROPERTY STRINGS AUTO ON OFF)
  set(VIRTUFIN_HAVE_${name} OFF)
  # As text: to if() ON and OFF are more words than these.
  if(NOT "${VIRTUFIN_WITH_${name}}" MATCHES "^(AUTO|ON|OFF)$")
    message(FATAL_ERROR
      "VIRTUFIN_WITH_${name}: expected AUTO, ON or OFF, found '${VIRTUFIN_WITH_${name}}'")
  elseif(NOT "${VIRTUFIN_WITH_${name}}" STREQUAL "OFF")
    virtufin_find_all(_virtufin_missing ${ARGN})
    if("${_virtufin_missing}" STREQUAL "")
      set(VIRTUFIN_HAVE_${name} ON)
    elseif("${VIRTUFIN_WITH_${name}}" STREQUAL "ON")
      message(FATAL_ERROR "VIRTUFIN_WITH_${name} is ON, but ${_virtufin_missing} was not found: "
                          "${what} cannot be built")
    else()
      message(STATUS "${_virtufin_missing} was not found: left out: ${what}")
    endif()
  endif()
endmacro()

# virtufin_find_all(<out-var> <package>...): what is missing, as text. A macro, and so is
# virtufin_option: what find_package() sets is for the caller.
macro(virtufin_find_all out)
  set(${out} "")
  foreach(_virtufin_package ${ARGN})
    string(REPLACE " " ";" _virtufin_package "${_virtufin_package}")
    list(POP_FRONT _virtufin_package _virtufin_kind)
    list(GET _virtufin_package 0 _virtufin_name)
    if(_virtufin_kind STREQUAL "find")
      find_package(${_virtufin_package} QUIET)
    else()
      string(TOUPPER "${_virtufin_name}" _virtufin_name)
      pkg_check_modules(${_virtufin_name} QUIET IMPORTED_TARGET ${_virtufin_package})
    endif()
    if(NOT ${_virtufin_name}_FOUND)
      list(JOIN _virtufin_package " " _virtufin_package)
      if(NOT "${${out}}" STREQUAL "")
        string(APPEND ${out} ", ")
      endif()
      string(APPEND ${out} "${_virtufin_package}")
    endif()
  endforeach()
endmacro()
