// The layout of a state store in SQLite: how a file is known, made and brought up to date.
#pragma once

#include "state/sqlite/connection.hpp"
#include "virtufin/core/result.hpp"

namespace virtufin::inline v0::detail {

/// Nothing is written. True: a store of ours; false: an empty file.
/// Errors: FAILED_PRECONDITION for another program's database and for a newer layout.
Result<bool> CheckIsOurs(SqliteConnection& connection);

/// Makes the layout, or brings an older one up to date, in one transaction. Precondition:
/// CheckIsOurs went well.
Status BringUpToDate(SqliteConnection& connection);

}  // namespace virtufin::inline v0::detail
