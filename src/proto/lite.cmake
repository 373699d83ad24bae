# cmake -DFROM=<proto> -DTO=<lite copy> -DPACKAGE=<its package> -P lite.cmake
#
# The copy that is compiled: no services and no google.api.http; a private package, so that an
# application's own code for the same messages meets nothing of ours; and the syntax of proto2, whose
# lite code leaves it to us to answer text that is no UTF-8 (that of proto3 writes to standard error).
# The wire is the same. Fields stand at two spaces, members of a oneof at four.
file(READ "${FROM}" text)
string(REPLACE ";" "@semicolon@" text "${text}")
string(REGEX REPLACE "import \"google/api/[a-z]+\\.proto\"@semicolon@\n" "" text "${text}")
string(REGEX REPLACE "\nservice [A-Za-z]+ {\n(  [^\n]*\n)+}\n" "" text "${text}")
string(REGEX REPLACE "\npackage [a-z0-9_.]+@semicolon@" "\npackage ${PACKAGE}@semicolon@" text "${text}")
string(REPLACE "import \"virtufin/" "import \"proto/lite/" text "${text}")
string(REPLACE "syntax = \"proto3\"@semicolon@"
  "syntax = \"proto2\"@semicolon@\n\noption optimize_for = LITE_RUNTIME@semicolon@" text "${text}")
string(REGEX REPLACE "\n  ([A-Za-z0-9_.]+ [a-z0-9_]+ = [0-9]+@semicolon@)" "\n  optional \\1" text
  "${text}")
if(text MATCHES "google/api|\nservice |proto3")
  message(FATAL_ERROR "${FROM}: expected services and options as lite.cmake knows them")
endif()
string(REPLACE "@semicolon@" ";" text "${text}")
file(WRITE "${TO}" "${text}")
