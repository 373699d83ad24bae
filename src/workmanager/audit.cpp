// Puts audit lines together.
#include "workmanager/audit.hpp"

#include <string>

namespace virtufin::inline v0::detail {
namespace {

void Quote(std::string_view text, std::string& line) {
  constexpr std::size_t kMost = 256;
  line += '"';
  for (const char c : text.substr(0, kMost)) {
    const bool plain = static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
    line += plain ? c : '?';
  }
  line += '"';
}

}  // namespace

void Audit(LogSink& log, const CallContext& by, const AuditEntry& entry, const Status& outcome) {
  std::string line = "who=";
  Quote(by.who, line);
  line.append(" what=").append(entry.action).append(" worker=");
  Quote(entry.worker_id, line);
  if (!entry.mime_type.empty()) {
    line += " mime=";
    Quote(entry.mime_type, line);
  }
  if (!entry.sha256.empty()) line.append(" sha256=").append(entry.sha256);
  line.append(" outcome=").append(StatusCodeName(outcome.code()));
  log.Write(LogLevel::kInfo, "audit", line);
}

}  // namespace virtufin::inline v0::detail
