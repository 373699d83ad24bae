// One table of names; the file, the environment and the command line all end in Set.
#include "daemons/common/options.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

namespace virtufin::daemon {
namespace {

Status Invalid(std::string_view name, std::string_view expected, std::string_view found) {
  return Status(StatusCode::kInvalidArgument, "daemon",
                std::string(name) + ": expected " + std::string(expected) + ", found '" +
                    std::string(found) + "'");
}

template <class T>
Status SetNumber(std::string_view name, std::string_view text, std::int64_t most, T& out) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value < 0 ||
      value > most) {
    return Invalid(name, "a whole number from 0 to " + std::to_string(most), text);
  }
  out = static_cast<T>(value);
  return {};
}

Status SetText(std::string_view text, std::string& out) {
  out = text;
  return {};
}

Status SetKey(std::string_view name, std::string_view key, Options& options) {
  if (name.empty() || key.empty()) {
    // What stands there may be the key alone: it is not repeated.
    return Status(StatusCode::kInvalidArgument, "daemon",
                  "api-key: expected <name>=<key>, found one of them");
  }
  options.api_keys[std::string(name)] = key;
  return {};
}

Status SetLevel(std::string_view name, std::string_view text, LogLevel& out) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (text == kLevelNames[i]) {
      out = static_cast<LogLevel>(i);
      return {};
    }
  }
  return Invalid(name, "trace, debug, info, warn or error", text);
}

struct Entry {
  Options::Name name;
  Status (*set)(std::string_view name, std::string_view value, Options& options);
};

constexpr std::int64_t kMaxPort = 65'535;

const Entry kEntries[] = {
    {{"listen", "ListenAddress", "address to listen on", [](auto& o) { return o.listen; }},
     [](auto, auto value, auto& o) { return SetText(value, o.listen); }},
    {{"http-port", "HttpPort", "port of health and metrics; 0: a free one",
      [](auto& o) { return std::to_string(o.http_port); }},
     [](auto name, auto value, auto& o) { return SetNumber(name, value, kMaxPort, o.http_port); }},
    {{"grpc-port", "GrpcPort", "port of gRPC; 0: a free one",
      [](auto& o) { return std::to_string(o.grpc_port); }},
     [](auto name, auto value, auto& o) { return SetNumber(name, value, kMaxPort, o.grpc_port); }},
    {{"data-directory", "VIRTUFIN_DATA_DIRECTORY", "where state is kept",
      [](auto& o) { return o.data_directory; }},
     [](auto, auto value, auto& o) { return SetText(value, o.data_directory); }},
    {{"bus", "VIRTUFIN_BUS", "pubsub.driver: inproc",
      [](auto& o) { return o.platform.pubsub_driver; }},
     [](auto, auto value, auto& o) { return o.platform.Set("pubsub.driver", value); }},
    {{"state", "VIRTUFIN_STATE", "state.driver: sqlite, or memory",
      [](auto& o) { return o.platform.state_driver; }},
     [](auto, auto value, auto& o) { return o.platform.Set("state.driver", value); }},
    {{"api-key", "",
      "<name>=<key> that callers show as x-api-key; better in the file or as "
      "ApiAuth__Keys__<name>: others see a command line"},
     [](auto, auto value, auto& o) {
       const std::size_t equals = std::min(value.find('='), value.size());
       return SetKey(value.substr(0, equals), value.substr(std::min(equals + 1, value.size())), o);
     }},
    {{"tls-certificate", "VIRTUFIN_TLS_CERTIFICATE", "file of the certificates, PEM"},
     [](auto, auto value, auto& o) { return SetText(value, o.tls_certificate); }},
    {{"tls-key", "VIRTUFIN_TLS_KEY", "file of the key, PEM"},
     [](auto, auto value, auto& o) { return SetText(value, o.tls_key); }},
    {{"tls-client-ca", "VIRTUFIN_TLS_CLIENT_CA", "callers need a certificate of these, PEM"},
     [](auto, auto value, auto& o) { return SetText(value, o.tls_client_ca); }},
    {{"advertise", "VIRTUFIN_ADVERTISE",
      "host:port of gRPC for other instances on the same state, port 0: that of grpc-port; "
      "each has a workmanager.instance_id of its own; they call each other with the key named "
      "peer"},
     [](auto, auto value, auto& o) { return SetText(value, o.advertise); }},
    {{"insecure", "VIRTUFIN_INSECURE", "true: listen anywhere without keys"},
     [](auto name, auto value, auto& o) {
       o.insecure = value == "true";
       return value == "true" || value == "false" ? Status()
                                                  : Invalid(name, "true or false", value);
     }},
    {{"log-format", "VIRTUFIN_LOG_FORMAT", "plain or json", [](auto& o) { return o.log_format; }},
     [](auto name, auto value, auto& o) {
       if (value != "plain" && value != "json") return Invalid(name, "plain or json", value);
       return SetText(value, o.log_format);
     }},
    {{"log-level", "VIRTUFIN_LOG_LEVEL", "trace, debug, info, warn or error",
      [](auto& o) { return std::string(kLevelNames[static_cast<std::size_t>(o.log_level)]); }},
     [](auto name, auto value, auto& o) { return SetLevel(name, value, o.log_level); }},
    {{"stop-timeout-ms", "VIRTUFIN_STOP_TIMEOUT_MS", "for all that has to end at a signal",
      [](auto& o) { return std::to_string(o.stop_timeout_ms); }},
     [](auto name, auto value, auto& o) {
       return SetNumber(name, value, 86'400'000, o.stop_timeout_ms);
     }},
};

Status SetPlatform(std::string_view name, std::string_view value, Options& options) {
  return options.platform.Set(name, value);
}

// A variable in seconds; the option is in milliseconds.
Status SetSeconds(std::string_view name, std::string_view value, Options& options) {
  constexpr std::int64_t kDay = 86'400;
  std::int64_t seconds = 0;
  if (Status status = SetNumber("seconds", value, kDay, seconds); !status.ok()) return status;
  return options.platform.Set(name, std::to_string(seconds * 1000));
}

// The platform's own variables, and what they set.
struct PlatformVariable {
  const char* variable;
  std::string_view name;
  Status (*set)(std::string_view name, std::string_view value, Options& options) = &SetPlatform;
};
constexpr PlatformVariable kPlatformVariables[] = {
    {"WORKER_RETRY_ATTEMPTS", "workmanager.retry_attempts"},
    {"WORKER_RETRY_BASE_DELAY_MS", "workmanager.retry_delay_ms"},
    {"WORKER_RECOVERY_ON_START", "workmanager.recovery_on_start"},
    {"ALLOWED_CODE_SOURCE_HOSTS", "workmanager.code.allowed_hosts"},
    {"MessageHandlingTimeoutSeconds", "workmanager.call_timeout_ms", &SetSeconds},
};
constexpr std::string_view kKeyVariable = "ApiAuth__Keys__";
constexpr std::string_view kKeyName = "api-key.";

Status In(const Status& status, const std::string& where) {
  return Status(status.code(), "daemon", where + ": " + std::string(status.message()));
}

Status ReadFile(const std::string& path, std::string& out) {
  if (path.empty()) return {};
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || text.str().empty()) {
    return Status(StatusCode::kNotFound, "daemon", path + ": expected a file with text");
  }
  out = text.str();
  return {};
}

}  // namespace

std::vector<Options::Name> Options::Names() {
  std::vector<Name> names;
  for (const Entry& entry : kEntries) names.push_back(entry.name);
  return names;
}

Status Options::Set(std::string_view name, std::string_view value) {
  if (name.starts_with(kKeyName)) return SetKey(name.substr(kKeyName.size()), value, *this);
  for (const Entry& entry : kEntries) {
    if (entry.name.name == name) return entry.set(name, value, *this);
  }
  return platform.Set(name, value);
}

Result<Options> Options::FromEnvironment(Options base) {
  const auto apply = [&base](const char* variable, std::string_view name, auto set) {
    const char* const value = variable[0] == '\0' ? nullptr : std::getenv(variable);
    if (value == nullptr) return Status();
    const Status status = set(name, value, base);
    return status.ok() ? status : In(status, variable);
  };
  for (const Entry& entry : kEntries) {
    const Status status = apply(entry.name.variable.data(), entry.name.name, entry.set);
    if (!status.ok()) return status;
  }
  for (const PlatformVariable& each : kPlatformVariables) {
    if (Status status = apply(each.variable, each.name, each.set); !status.ok()) return status;
  }
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view line = *each;
    const std::size_t equals = line.find('=');
    if (!line.starts_with(kKeyVariable) || equals == std::string_view::npos) continue;
    const Status status = SetKey(line.substr(kKeyVariable.size(), equals - kKeyVariable.size()),
                                 line.substr(equals + 1), base);
    if (!status.ok()) return In(status, std::string(line.substr(0, equals)));
  }
  return base;
}

Result<Options> Options::FromFile(Options base, const std::string& path) {
  std::vector<CLI::ConfigItem> items;
  try {
    items = CLI::ConfigTOML().from_file(path);
  } catch (const CLI::Error& error) {
    return Status(StatusCode::kNotFound, "daemon", path + ": " + error.what());
  }
  for (const CLI::ConfigItem& item : items) {
    if (item.name == "++" || item.name == "--") continue;  // a section begins or ends
    if (item.inputs.size() != 1) {
      return Status(StatusCode::kInvalidArgument, "daemon",
                    path + ": " + item.fullname() + ": expected one value");
    }
    if (const Status status = base.Set(item.fullname(), item.inputs[0]); !status.ok()) {
      return In(status, path);
    }
  }
  return base;
}

Status CheckListening(const Options& options, std::vector<std::string>& warnings) {
  in_addr v4{};
  in6_addr v6{};
  const bool is_v4 = inet_pton(AF_INET, options.listen.c_str(), &v4) == 1;
  const bool is_v6 = inet_pton(AF_INET6, options.listen.c_str(), &v6) == 1;
  if (!is_v4 && !is_v6) return Invalid("listen", "an IPv4 or IPv6 address", options.listen);
  const bool here = is_v4 ? (ntohl(v4.s_addr) >> 24) == 127 : IN6_IS_ADDR_LOOPBACK(&v6) != 0;
  const bool guarded = !options.api_keys.empty() || !options.tls_client_ca.empty();
  if (!guarded && here) {
    warnings.push_back("no api-key and no tls-client-ca: every user of this machine may run code");
  } else if (!guarded && !options.insecure) {
    return Status(StatusCode::kFailedPrecondition, "daemon",
                  "listen " + options.listen +
                      ": expected api-key or tls-client-ca for an address other than 127.0.0.1, "
                      "found neither (insecure overrides)");
  } else if (!guarded) {
    warnings.push_back("insecure: whoever reaches " + options.listen + " may run code");
  }
  if (!here && options.tls_certificate.empty()) {
    warnings.push_back("no tls-certificate: keys and code pass " + options.listen +
                       " in the clear");
  }
  return {};
}

Status CheckTogether(const Options& options) {
  const auto missing = [](std::string_view name, std::string_view what) {
    return Status(StatusCode::kInvalidArgument, "daemon",
                  std::string(name) + ": expected " + std::string(what) + ", found none");
  };
  if (options.tls_certificate.empty() && !options.tls_key.empty()) {
    return missing("tls-certificate", "the certificate of tls-key");
  }
  if (options.tls_key.empty() && !options.tls_certificate.empty()) {
    return missing("tls-key", "the key of tls-certificate");
  }
  if (options.tls_certificate.empty() && !options.tls_client_ca.empty()) {
    return missing("tls-certificate", "one of the daemon itself with tls-client-ca");
  }
  if (options.advertise.empty()) return {};
  const std::size_t colon = std::min(options.advertise.rfind(':'), options.advertise.size());
  std::uint16_t port = 0;
  if (colon == 0 || colon == options.advertise.size() ||
      !SetNumber("", options.advertise.substr(colon + 1), kMaxPort, port).ok()) {
    return Invalid("advertise", "<host>:<port>", options.advertise);
  }
  if (options.platform.workmanager.instance_id.empty()) {
    return missing("workmanager.instance_id", "one of this instance alone with advertise");
  }
  // Certificates alone tell instances, too.
  const bool certificates = options.api_keys.empty() && !options.tls_client_ca.empty();
  if (!certificates && options.api_keys.find("peer") == options.api_keys.end()) {
    return missing("api-key", "one named peer with advertise");
  }
  return {};
}

Status CheckWhole(const Options& options, const RpcServerOptions& server) {
  if (Status status = Platform::Check(options.platform); !status.ok()) return status;
  Executor executor({}, WallClock(), NullLog());
  return RpcServer::Create(server, {}, {executor, WallClock(), NullLog()}).status();
}

std::string Advertised(const Options& options, std::uint16_t grpc_port) {
  const std::size_t colon = options.advertise.rfind(':');
  if (options.advertise.substr(colon + 1) != "0") return options.advertise;
  return options.advertise.substr(0, colon + 1) + std::to_string(grpc_port);
}

Result<RpcServerOptions> ServerOptions(const Options& options) {
  RpcServerOptions server;
  server.address = options.listen;
  server.port = options.grpc_port;
  server.max_handlers =
      static_cast<std::size_t>(options.platform.executor.max_blocking_threads / 2);
  for (const auto& [name, key] : options.api_keys) server.keys.push_back({name, key});
  for (const auto& [path, text] : {std::pair(&options.tls_certificate, &server.tls_certificate_pem),
                                   {&options.tls_key, &server.tls_key_pem},
                                   {&options.tls_client_ca, &server.tls_client_ca_pem}}) {
    if (Status status = ReadFile(*path, *text); !status.ok()) return status;
  }
  return server;
}

PeerForwarderOptions PeerOptions(const Options& options, const RpcServerOptions& server) {
  PeerForwarderOptions peers;
  if (const auto key = options.api_keys.find("peer"); key != options.api_keys.end()) {
    peers.key = key->second;
  }
  if (server.tls_certificate_pem.empty()) return peers;
  // Peers are signed as clients are, or are the same as this one.
  const bool authority = !server.tls_client_ca_pem.empty();
  peers.tls_roots_pem = authority ? server.tls_client_ca_pem : server.tls_certificate_pem;
  peers.tls_certificate_pem = server.tls_certificate_pem;
  peers.tls_key_pem = server.tls_key_pem;
  return peers;
}

}  // namespace virtufin::daemon
