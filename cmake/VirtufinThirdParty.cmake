# How a user of an installed component gets what its archive links.
#
# One line per target that a component names in THIRD_PARTY: target | how | Debian package.
#   headers            nothing to link and nothing to find
#   headers <how>      the same, unless a public header shows it (PUBLIC_THIRD_PARTY)
#   find <arguments>   find_package(<arguments>) makes the target
#   pkg <module>       pkg_check_modules() makes the target, PkgConfig::<NAME>
#   system             a library of the C runtime
# Read by virtufin_component(), by the installed virtufinConfig.cmake (the lines of what was built)
# and by the Debian packages.
include_guard(GLOBAL)
set(VIRTUFIN_THIRD_PARTY
  "nlohmann_json::nlohmann_json|headers find nlohmann_json 3.11|nlohmann-json3-dev"
  "virtufin_flatbuffers|headers|"
  "Boost::headers|headers|"
  "simdjson::simdjson|find simdjson|libsimdjson-dev"
  "CURL::libcurl|find CURL 7.88|libcurl4-openssl-dev"
  "OpenSSL::SSL|find OpenSSL 3|libssl-dev"
  "OpenSSL::Crypto|find OpenSSL 3|libssl-dev"
  "ZLIB::ZLIB|find ZLIB|zlib1g-dev"
  "SQLite::SQLite3|find SQLite3 3.37|libsqlite3-dev"
  "LibArchive::LibArchive|find LibArchive 3.6|libarchive-dev"
  "EXPAT::EXPAT|find EXPAT 2.5|libexpat1-dev"
  "Threads::Threads|find Threads|"
  "PkgConfig::LIBWEBSOCKETS|pkg libwebsockets|libwebsockets-dev"
  "PkgConfig::MINIZIP|pkg minizip|libminizip-dev"
  "protobuf::libprotobuf-lite|find Protobuf 3.21|libprotobuf-dev"
  "PkgConfig::GRPC++|pkg grpc++|libgrpc++-dev"
  "dl|system|")

# virtufin_third_party(<target> <how-var> <package-var>): an unknown target ends the configuration.
function(virtufin_third_party target how_var package_var)
  foreach(line IN LISTS VIRTUFIN_THIRD_PARTY)
    string(REPLACE "|" ";" fields "${line}")
    list(GET fields 0 name)
    if(name STREQUAL target)
      list(GET fields 1 how)
      list(GET fields 2 package)
      set(${how_var} "${how}" PARENT_SCOPE)
      set(${package_var} "${package}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "${target}: expected a line in cmake/VirtufinThirdParty.cmake that says how "
                      "a user of the installed package gets it")
endfunction()

# virtufin_link_items(<out-var> <targets...>): as they go into target_link_libraries(). What is
# headers only does not follow a component into its exported target.
function(virtufin_link_items out)
  set(items "")
  foreach(target IN LISTS ARGN)
    virtufin_third_party("${target}" how _)
    if(how MATCHES "^headers")
      list(APPEND items "$<BUILD_INTERFACE:${target}>")
    else()
      list(APPEND items "${target}")
    endif()
  endforeach()
  set(${out} "${items}" PARENT_SCOPE)
endfunction()
