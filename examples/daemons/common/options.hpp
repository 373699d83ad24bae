// The options that all daemons share, and the three places they come from: a file, the environment,
// the command line; later wins.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "virtufin/core/log.hpp"
#include "virtufin/core/result.hpp"
#include "virtufin/platform/platform.hpp"
#include "virtufin/rpc/peer_forwarder.hpp"
#include "virtufin/rpc/rpc_server.hpp"

namespace virtufin::daemon {

/// Of LogLevel, in its order.
inline constexpr std::array<std::string_view, 5> kLevelNames = {"trace", "debug", "info", "warn",
                                                                "error"};

struct Options {
  std::string listen = "127.0.0.1";  // IPv4 or IPv6, no name
  std::uint16_t http_port = 0;       // 0: a free one, which the log tells
  std::uint16_t grpc_port = 0;
  std::string data_directory = "virtufin-data";      // made when it is missing
  std::map<std::string, std::string> api_keys = {};  // by name
  std::string tls_certificate = {};                  // paths
  std::string tls_key = {};
  std::string tls_client_ca = {};
  // host:port of gRPC for other instances on the same state; empty: none
  std::string advertise = {};
  bool insecure = false;             // listen anywhere without keys
  std::string log_format = "plain";  // or json
  LogLevel log_level = LogLevel::kInfo;
  std::int64_t stop_timeout_ms = 30'000;  // for all that has to end
  PlatformOptions platform = {};

  /// Sets one option by its name, without the dashes of the command line; keys of the platform are
  /// names, too ("workmanager.stop_timeout_ms"), and so is "api-key.<name>".
  /// Errors: NOT_FOUND; INVALID_ARGUMENT saying what was expected.
  Status Set(std::string_view name, std::string_view value);
  /// `base` with what the environment sets. Errors: as Set, naming the variable.
  static Result<Options> FromEnvironment(Options base);
  /// `base` with what a file in TOML or INI sets. Errors: as Set; NOT_FOUND without such a file.
  static Result<Options> FromFile(Options base, const std::string& path);

  /// Every name but the keys of the platform, with the variable that sets it and what it means.
  struct Name {
    std::string_view name;
    std::string_view variable;
    std::string_view help;
    std::string (*value)(const Options& options) =
        nullptr;  // that is shown as a default; null: none
  };
  static std::vector<Name> Names();
};

/// Whether it may listen where it is asked to: off this machine only with a key or client
/// certificates. Adds warnings.
/// Errors: INVALID_ARGUMENT; FAILED_PRECONDITION naming the options that are missing.
Status CheckListening(const Options& options, std::vector<std::string>& warnings);

/// Whether options that need each other are there.
/// Errors: INVALID_ARGUMENT naming the one that is missing or wrong.
Status CheckTogether(const Options& options);

/// What only shows when the platform and the server are made, without making anything: drivers,
/// hosts, the file of credentials, keys. Errors: those of Platform::Check and RpcServer::Create.
Status CheckWhole(const Options& options, const RpcServerOptions& server);

/// `options.advertise`, which is set, with `grpc_port` where it has port 0.
std::string Advertised(const Options& options, std::uint16_t grpc_port);

/// What the server of a daemon is given; reads the files. Errors: NOT_FOUND naming the file.
Result<RpcServerOptions> ServerOptions(const Options& options);
/// How it calls other instances: as `server` is called, with the key named `peer`.
PeerForwarderOptions PeerOptions(const Options& options, const RpcServerOptions& server);

}  // namespace virtufin::daemon
