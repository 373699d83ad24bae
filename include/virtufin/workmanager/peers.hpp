// Several managers over one state store: who calls, and the port by which one manager reaches
// another.
// Specification: docs/openspec/specs/workmanager/spec.md
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "virtufin/core/result.hpp"
#include "virtufin/workmanager/code_source.hpp"

namespace virtufin::inline v0 {

/// On whose behalf a call is made, for the audit: one log line for each call that changes
/// something, with who, what, worker, MIME type, digest of the code and outcome. It is offered to
/// the log whatever its level; of another instance's worker the line there has type and digest.
struct CallContext {
  std::string who = "application";  // a key's name, else a peer's address
  bool forwarded = false;           // another instance passed it on: it is not passed on again
};

/// Another instance, as its heartbeat says.
struct Peer {
  std::string instance_id;
  std::string address;  // what it gave to WorkManager::Join
};

/// A call for a worker of another instance.
struct PeerCall {
  enum class Kind : std::uint8_t { kStart, kStop, kDelete, kLoadCode, kSetTag, kSetTags };
  Kind kind = Kind::kStart;
  std::string worker_id = {};
  CodeSource code = {};                          // kLoadCode; with its secrets
  std::map<std::string, std::string> tags = {};  // kSetTag: one; kSetTags: all
  CallContext by = {};                           // forwarded already
};

/// Port: makes calls on other instances.
class PeerForwarder {
 public:
  virtual ~PeerForwarder() = default;
  /// Makes `call` on `peer`; `done` gets that one's answer, exactly once, on any thread. `peer` is
  /// borrowed until this returns. [any]
  /// Errors, to `done`: UNAVAILABLE or DEADLINE_EXCEEDED when the peer does not answer.
  virtual void Forward(const Peer& peer, PeerCall call, std::function<void(Status)> done) = 0;
};

}  // namespace virtufin::inline v0
