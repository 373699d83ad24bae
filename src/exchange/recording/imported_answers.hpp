// ImportedAnswers: recorded answers of a venue, given to requests for the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "exchange/recording/line_reader.hpp"

namespace virtufin::inline v0::detail {

struct ImportedAnswer {
  std::string body;
  std::int64_t unix_ns = 0;
  std::string file;
  std::size_t line = 0;
};

/// All are in memory.
class ImportedAnswers {
 public:
  /// Those of one more file. Errors: as LineReader::Open.
  Status Read(const std::string& path, Problems& problems);

  const std::string& first_url() const noexcept { return first_url_; }  // empty: none
  bool HasInstruments() const noexcept;
  /// Of the requests like `url` the earliest that was not taken yet; null: none is left. Borrowed
  /// until it is taken.
  const ImportedAnswer* Find(std::string_view url) const;
  ImportedAnswer Take(std::string_view url);

 private:
  std::string first_url_;
  std::map<std::string, std::deque<ImportedAnswer>, std::less<>> by_request_;
};

}  // namespace virtufin::inline v0::detail
