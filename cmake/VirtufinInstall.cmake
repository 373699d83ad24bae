# What `cmake --install` puts where: archives, headers and one export file per component, and the
# CMake package `virtufin` that loads them.
#
# Install components: virtufin_runtime (libvirtufin.so.0), virtufin_dev (all else), virtufin_doc.
include_guard(GLOBAL)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
include(${CMAKE_CURRENT_LIST_DIR}/VirtufinLayers.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/VirtufinThirdParty.cmake)

option(VIRTUFIN_INSTALL "make install rules" ${PROJECT_IS_TOP_LEVEL})
set(VIRTUFIN_INSTALL_CMAKEDIR "${CMAKE_INSTALL_LIBDIR}/cmake/virtufin")

# virtufin_one_way(<target> <text>): targets that say different texts cannot meet in one program.
#
# The C library holds a hidden copy of the C++ code: a process with both would have two of it.
function(virtufin_one_way target text)
  set(property VIRTUFIN_LINKS_EITHER_CXX_TARGETS_OR_THE_C_LIBRARY)
  set_property(TARGET ${target} PROPERTY INTERFACE_${property} "${text}")
  set_property(TARGET ${target} APPEND PROPERTY COMPATIBLE_INTERFACE_STRING ${property})
endfunction()

# virtufin_export_name(<component> <out-var>): the target is virtufin::<that>.
function(virtufin_export_name name out)
  if(name IN_LIST VIRTUFIN_INTERNAL)
    set(${out} detail_${name} PARENT_SCOPE)
  else()
    set(${out} ${name} PARENT_SCOPE)
  endif()
endfunction()

# Installs the public headers that VirtufinLayers.cmake gives to `name`.
function(virtufin_install_headers name)
  set(headers "")
  foreach(root include c_api/include)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}"
      "${PROJECT_SOURCE_DIR}/${root}/virtufin/*.h" "${PROJECT_SOURCE_DIR}/${root}/virtufin/*.hpp")
    foreach(header IN LISTS found)
      virtufin_component_of("${header}" owner)
      if(owner STREQUAL name)
        file(RELATIVE_PATH below "${PROJECT_SOURCE_DIR}/${root}" "${PROJECT_SOURCE_DIR}/${header}")
        cmake_path(GET below PARENT_PATH folder)
        install(FILES "${PROJECT_SOURCE_DIR}/${header}" COMPONENT virtufin_dev
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/${folder}")
      endif()
    endforeach()
  endforeach()
endfunction()

# virtufin_install_component(<name> <target> [HEADERS_OF <component>] [USES <components>]
#                            [THIRD_PARTY <targets>] [PUBLIC_THIRD_PARTY <targets>])
#
# Called by virtufin_component(). Without VIRTUFIN_INSTALL, and for VIRTUFIN_NOT_INSTALLED, nothing.
function(virtufin_install_component name target)
  cmake_parse_arguments(PARSE_ARGV 2 I "" "HEADERS_OF" "USES;THIRD_PARTY;PUBLIC_THIRD_PARTY")
  if(name IN_LIST VIRTUFIN_NOT_INSTALLED)
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY VIRTUFIN_INSTALLED ${name})
  if(NOT VIRTUFIN_INSTALL)
    return()
  endif()
  set(needs "")
  foreach(dependency IN LISTS I_THIRD_PARTY I_PUBLIC_THIRD_PARTY)
    virtufin_third_party("${dependency}" how package)
    if(dependency IN_LIST I_PUBLIC_THIRD_PARTY)
      string(REGEX REPLACE "^headers " "" how "${how}")
    endif()
    if(NOT how MATCHES "^(headers|system)")
      list(APPEND needs "${dependency}|${how}|${package}")
      set_property(GLOBAL APPEND PROPERTY VIRTUFIN_DEV_PACKAGES ${package})
    endif()
  endforeach()
  virtufin_export_name(${name} export_name)
  string(CONCAT text
    "set(_virtufin_target_${name} \"virtufin::${export_name}\")\n"
    "set(_virtufin_uses_${name} \"${I_USES}\")\n"
    "set(_virtufin_needs_${name} \"${needs}\")\n")
  set_property(GLOBAL APPEND_STRING PROPERTY VIRTUFIN_COMPONENTS_TEXT "${text}")
  install(TARGETS ${target} EXPORT virtufin-${name}
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT virtufin_dev
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT virtufin_runtime
            NAMELINK_COMPONENT virtufin_dev)
  install(EXPORT virtufin-${name} NAMESPACE virtufin:: COMPONENT virtufin_dev
    DESTINATION "${VIRTUFIN_INSTALL_CMAKEDIR}")
  if(I_HEADERS_OF)
    virtufin_install_headers(${I_HEADERS_OF})
  endif()
endfunction()

# Called once, after the last component: the umbrella target and the package's own files.
function(virtufin_finish_install)
  get_property(components GLOBAL PROPERTY VIRTUFIN_INSTALLED)
  set(all ${components})
  list(REMOVE_ITEM all c ${VIRTUFIN_INTERNAL})
  set(targets ${all})
  list(TRANSFORM targets PREPEND virtufin_)
  add_library(virtufin_virtufin INTERFACE)
  target_link_libraries(virtufin_virtufin INTERFACE ${targets})
  set_target_properties(virtufin_virtufin PROPERTIES EXPORT_NAME virtufin)
  add_library(virtufin::virtufin ALIAS virtufin_virtufin)
  virtufin_install_component(virtufin virtufin_virtufin USES ${all})
  if(NOT VIRTUFIN_INSTALL)
    return()
  endif()

  get_property(components GLOBAL PROPERTY VIRTUFIN_INSTALLED)
  get_property(text GLOBAL PROPERTY VIRTUFIN_COMPONENTS_TEXT)
  set(public ${components})
  list(REMOVE_ITEM public ${VIRTUFIN_INTERNAL})
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/cmake/virtufinComponents.cmake" @ONLY
    CONTENT "# What was built into this package. Generated.\nset(_virtufin_public \"@public@\")\n@text@")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/virtufinConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/cmake/virtufinConfig.cmake" @ONLY)
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/cmake/virtufinConfigVersion.cmake"
    VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
  install(FILES
    "${PROJECT_BINARY_DIR}/cmake/virtufinComponents.cmake"
    "${PROJECT_BINARY_DIR}/cmake/virtufinConfig.cmake"
    "${PROJECT_BINARY_DIR}/cmake/virtufinConfigVersion.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/VirtufinNativeWorker.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/virtufin_worker.map"
    DESTINATION "${VIRTUFIN_INSTALL_CMAKEDIR}" COMPONENT virtufin_dev)

  if(TARGET virtufin_c)
    # From the .pc files to the prefix, so that the tree can be moved. Folders that were asked for by
    # their full name stay where they are.
    set(VIRTUFIN_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
    set(VIRTUFIN_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
    if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
      set(VIRTUFIN_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
      set(VIRTUFIN_PC_LIBDIR "${CMAKE_INSTALL_LIBDIR}")
    else()
      file(RELATIVE_PATH VIRTUFIN_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
      string(REGEX REPLACE "/$" "" VIRTUFIN_PC_PREFIX "\${pcfiledir}/${VIRTUFIN_PC_PREFIX}")
    endif()
    if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
      set(VIRTUFIN_PC_INCLUDEDIR "${CMAKE_INSTALL_INCLUDEDIR}")
    endif()
    foreach(module virtufin virtufin-worker)
      configure_file("${PROJECT_SOURCE_DIR}/cmake/${module}.pc.in"
        "${PROJECT_BINARY_DIR}/cmake/${module}.pc" @ONLY)
      install(FILES "${PROJECT_BINARY_DIR}/cmake/${module}.pc" COMPONENT virtufin_dev
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
    endforeach()
  endif()
endfunction()
