# cpack makes Debian packages that hold what they should, depend on what they need, and name no folder
# of this machine.
cmake_minimum_required(VERSION 3.25)
foreach(program dpkg-deb dpkg-shlibdeps fakeroot)
  find_program(${program} ${program})
  if(NOT ${program})
    if("$ENV{VIRTUFIN_TESTS_REQUIRE_ALL}" STREQUAL "1")
      message(FATAL_ERROR "${program} is missing (packages dpkg-dev, fakeroot)")
    endif()
    message(STATUS "skipped: ${program} is missing (packages dpkg-dev, fakeroot)")
    return()
  endif()
endforeach()
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")

# The same build, with the folders of Debian: where libraries go is decided when it is configured.
# Nothing is compiled that the compiler cache does not have.
set(launcher "")
find_program(ccache ccache)
if(ccache)
  set(launcher -DCMAKE_C_COMPILER_LAUNCHER=${ccache} -DCMAKE_CXX_COMPILER_LAUNCHER=${ccache})
endif()
foreach(step
    "--log-level=ERROR;-S;${ROOT};-B;${WORK}/build;-G;Ninja;-DCMAKE_INSTALL_PREFIX=/usr;-DCMAKE_BUILD_TYPE=Release;-DCMAKE_C_COMPILER=${CC};-DCMAKE_CXX_COMPILER=${CXX};-DVIRTUFIN_BUILD_TESTS=OFF;-DVIRTUFIN_BUILD_EXAMPLES=OFF;${launcher}"
    "--build;${WORK}/build")
  execute_process(COMMAND ${CMAKE_COMMAND} ${step} OUTPUT_VARIABLE out ERROR_VARIABLE out
    RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${out}")
  endif()
endforeach()
execute_process(COMMAND ${fakeroot} ${CMAKE_CPACK_COMMAND} -B "${WORK}" WORKING_DIRECTORY
  "${WORK}/build" OUTPUT_VARIABLE out ERROR_VARIABLE out RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${out}")
endif()

# expect(<package> <field or "contents"> <regex...>)
function(expect package what)
  file(GLOB file "${WORK}/${package}_*.deb")
  if(what STREQUAL "contents")
    execute_process(COMMAND ${dpkg-deb} -c "${file}" OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  else()
    execute_process(COMMAND ${dpkg-deb} -f "${file}" ${what} OUTPUT_VARIABLE text
      COMMAND_ERROR_IS_FATAL ANY)
  endif()
  foreach(regex IN LISTS ARGN)
    if(NOT text MATCHES "${regex}")
      message(FATAL_ERROR "${package}: expected '${regex}' in ${what}, found:\n${text}")
    endif()
  endforeach()
endfunction()

expect(libvirtufin0 contents "/libvirtufin\\.so\\.0 -> " "doc/libvirtufin0/copyright"
  "doc/libvirtufin0/changelog\\.Debian\\.gz")
expect(libvirtufin0 Depends "libc6 " "libstdc\\+\\+6 " "libsqlite3-0 ")
expect(libvirtufin-dev contents "virtufin/virtufin\\.h" "virtufin/event/message\\.hpp"
  "/libvirtufin_net\\.a" "/virtufinConfig\\.cmake" "pkgconfig/virtufin\\.pc" "bin/virtufin-pack"
  "/libvirtufin\\.so -> libvirtufin\\.so\\.0" "doc/libvirtufin-dev/copyright"
  "doc/libvirtufin-dev/docs/guide/worker-cpp\\.md")
expect(libvirtufin-dev Depends "libvirtufin0 \\(= " "libcurl4-openssl-dev" "libwebsockets-dev"
  "libsimdjson-dev" "libsqlite3-dev")
set(packages libvirtufin0 libvirtufin-dev)
file(GLOB daemons "${WORK}/virtufin-daemons_*.deb")
if(GRPC)
  list(APPEND packages virtufin-daemons)
  expect(virtufin-daemons contents "bin/virtufin-workmanager" "doc/virtufin-daemons/copyright")
  expect(virtufin-daemons Depends "libgrpc\\+\\+1" "libprotobuf-lite")
elseif(daemons)
  message(FATAL_ERROR "expected no package of daemons without gRPC, found ${daemons}")
endif()
foreach(package IN LISTS packages)
  expect(${package} Maintainer "libvirtufin")
  expect(${package} Description "^Embeddable C\\+\\+ SDK of the Virtufin platform")
  file(GLOB file "${WORK}/${package}_*.deb")
  execute_process(COMMAND ${dpkg-deb} -x "${file}" "${WORK}/unpacked" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
execute_process(COMMAND grep -rlF -e "${ROOT}/" -e "${BUILD}/" "${WORK}/unpacked"
  OUTPUT_VARIABLE found)
if(NOT found STREQUAL "")
  message(FATAL_ERROR "name a folder of this machine:\n${found}")
endif()
