# VIRTUFIN_SANITIZE=address,undefined or thread: every target of this build is instrumented.
set(VIRTUFIN_SANITIZE "" CACHE STRING "sanitizers: address,undefined or thread; empty for none")
if(NOT VIRTUFIN_SANITIZE STREQUAL "")
  if(NOT VIRTUFIN_SANITIZE MATCHES "^(address|undefined|address,undefined|thread)$")
    message(FATAL_ERROR "VIRTUFIN_SANITIZE is '${VIRTUFIN_SANITIZE}', expected address,undefined or "
                        "thread")
  endif()
  add_compile_options(-fsanitize=${VIRTUFIN_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${VIRTUFIN_SANITIZE})
endif()

# The fuzz targets see which of our code they reach.
if(VIRTUFIN_BUILD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
