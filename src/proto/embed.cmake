# cmake -DFROM=<file> -DTO=<.inc> -P embed.cmake: the bytes as the elements of an array.
file(READ "${FROM}" hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," text "${hex}")
string(REGEX REPLACE "((0x[0-9a-f]+,)(0x[0-9a-f]+,)(0x[0-9a-f]+,)(0x[0-9a-f]+,)(0x[0-9a-f]+,)(0x[0-9a-f]+,)(0x[0-9a-f]+,)(0x[0-9a-f]+,))"
  "\\1\n" text "${text}")
file(WRITE "${TO}" "${text}\n")
