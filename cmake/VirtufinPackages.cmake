# Debian packages by cpack, one per install component: libvirtufin0, libvirtufin-dev, virtufin-daemons
# where they are built and, with VIRTUFIN_BUILD_DOCS, libvirtufin-doc. Configure with
# -DCMAKE_INSTALL_PREFIX=/usr, so that the libraries go where Debian looks for them.
include_guard(GLOBAL)
set(VIRTUFIN_PACKAGE_MAINTAINER "The libvirtufin project <libvirtufin@packages.invalid>" CACHE STRING
  "who answers for the Debian packages: Name <address>")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libvirtufin)
set(CPACK_PACKAGE_VENDOR libvirtufin)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/packages")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
  GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL virtufin_runtime virtufin_dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${VIRTUFIN_PACKAGE_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(version "${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")

set(what "A trading application that links it gets, in its own process, a bus of
CloudEvents, a host for workers in C and C++, state and market data. Nothing
needs a server.")
set(CPACK_DEBIAN_VIRTUFIN_RUNTIME_PACKAGE_NAME libvirtufin0)
set(CPACK_DEBIAN_VIRTUFIN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_VIRTUFIN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
file(WRITE "${PROJECT_BINARY_DIR}/packaging/triggers" "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_VIRTUFIN_RUNTIME_PACKAGE_CONTROL_EXTRA "${PROJECT_BINARY_DIR}/packaging/triggers")
set(CPACK_DEBIAN_VIRTUFIN_RUNTIME_DESCRIPTION
  "${what}\n.\n\
This package holds the C library.")

get_property(depends GLOBAL PROPERTY VIRTUFIN_DEV_PACKAGES)
list(REMOVE_DUPLICATES depends)
list(SORT depends)
list(PREPEND depends "libvirtufin0 (= ${version})")
list(JOIN depends ", " depends)
set(CPACK_DEBIAN_VIRTUFIN_DEV_PACKAGE_NAME libvirtufin-dev)
set(CPACK_DEBIAN_VIRTUFIN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_VIRTUFIN_DEV_PACKAGE_DEPENDS "${depends}")
set(CPACK_DEBIAN_VIRTUFIN_DEV_DESCRIPTION
  "${what}\n.\n\
This package holds the headers, the static libraries of the C++ components,
and the files for CMake and pkg-config.")

set(packages virtufin_runtime virtufin_dev)
if(TARGET virtufin_workmanager_daemon)
  list(APPEND packages virtufin_daemons)
  list(APPEND CPACK_COMPONENTS_ALL virtufin_daemons)
  set(CPACK_DEBIAN_VIRTUFIN_DAEMONS_PACKAGE_NAME virtufin-daemons)
  set(CPACK_DEBIAN_VIRTUFIN_DAEMONS_PACKAGE_SECTION net)
  set(CPACK_DEBIAN_VIRTUFIN_DAEMONS_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_VIRTUFIN_DAEMONS_DESCRIPTION
    "${what}\n.\n\
This package holds the daemons: virtufin-workmanager.")
endif()
if(VIRTUFIN_BUILD_DOCS)
  list(APPEND packages virtufin_doc)
  list(APPEND CPACK_COMPONENTS_ALL virtufin_doc)
  set(CPACK_DEBIAN_VIRTUFIN_DOC_PACKAGE_NAME libvirtufin-doc)
  set(CPACK_DEBIAN_VIRTUFIN_DOC_PACKAGE_SECTION doc)
  set(CPACK_DEBIAN_VIRTUFIN_DOC_PACKAGE_ARCHITECTURE all)
  set(CPACK_DEBIAN_VIRTUFIN_DOC_DESCRIPTION
    "${what}\n.\n\
This package holds the reference of the headers.")
endif()

# Each package has its copyright and its two changelogs. Only in packages: EXCLUDE_FROM_ALL keeps
# them out of a plain `cmake --install`.
set(folder "${PROJECT_BINARY_DIR}/packaging")
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(CONFIGURE OUTPUT "${folder}/copyright" @ONLY CONTENT
"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: libvirtufin

Files: *
Copyright: 2026 The libvirtufin authors
License: Apache-2.0
 On Debian systems the text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
")
file(CONFIGURE OUTPUT "${folder}/changelog.Debian" @ONLY CONTENT
"libvirtufin (@version@) unstable; urgency=medium

  * Release @PROJECT_VERSION@; changelog.gz says what is in it.

 -- @VIRTUFIN_PACKAGE_MAINTAINER@  @date@
")
configure_file("${PROJECT_SOURCE_DIR}/docs/CHANGELOG.md" "${folder}/changelog" COPYONLY)
find_program(VIRTUFIN_GZIP gzip)
if(VIRTUFIN_GZIP)
  execute_process(COMMAND ${VIRTUFIN_GZIP} -9nfk "${folder}/changelog" "${folder}/changelog.Debian"
    COMMAND_ERROR_IS_FATAL ANY)
  foreach(component IN LISTS packages)
    string(TOUPPER "${component}" variable)
    install(FILES "${folder}/copyright" "${folder}/changelog.gz" "${folder}/changelog.Debian.gz"
      DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${variable}_PACKAGE_NAME}"
      COMPONENT ${component} EXCLUDE_FROM_ALL)
  endforeach()
endif()
include(CPack)
