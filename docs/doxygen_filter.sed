# What our headers say in plain comments, for Doxygen: the sentences at the top describe the file, a
# comment behind a declaration describes it. The inline namespace is one that Doxygen cannot read.
1s|^// |/// @file\n/// |
2,/^#pragma once/s@^//\( \|$\)@///\1@
s|^\(.*[;,}]\) *// \(.*\)$|\1  ///< \2|
s|^namespace virtufin::inline v0|namespace virtufin|
