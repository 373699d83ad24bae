// virtufin-workmanager: a WorkManager as a daemon, with gRPC, health and metrics.
//
//   virtufin-workmanager --data-directory /var/lib/virtufin --grpc-port 25002
//   virtufin-workmanager --config workmanager.toml --check-config
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "daemons/common/command_line.hpp"
#include "daemons/common/data_directory.hpp"
#include "daemons/common/http_status.hpp"
#include "daemons/common/log.hpp"
#include "daemons/common/metrics_text.hpp"
#include "daemons/common/signals.hpp"
#include "net/http_server.hpp"
#include "virtufin/platform/platform.hpp"
#include "virtufin/rpc/rpc_server.hpp"

using namespace virtufin;

namespace {

using daemon::Options;
constexpr const char* kName = "workmanager";

Options Defaults() {
  Options options;
  options.http_port = 25001;
  options.grpc_port = 25002;
  (void)options.Set("state", "sqlite");
  return options;
}

// Serves until a signal comes. What is declared first ends last.
Status Run(const Options& options, RpcServerOptions rpc_options, daemon::Signals& signals,
           LogSink& log) {
  auto platform = Platform::Create(options.platform);
  if (!platform.ok()) return platform.status();
  WorkManager& workers = (*platform)->workers();

  daemon::HttpStatus http_status({[&workers] { return workers.Health(); },
                                  [&workers] { return daemon::MetricsText(workers.Metrics()); }},
                                 rpc_options);
  net::HttpServerOptions http_options;
  http_options.address = options.listen;
  http_options.port = options.http_port;
  http_options.tls_certificate_pem = rpc_options.tls_certificate_pem;
  http_options.tls_key_pem = rpc_options.tls_key_pem;
  http_options.max_body_bytes = 1024;
  auto http = net::HttpServer::Create(http_options, http_status, log);
  if (!http.ok()) return http.status();
  auto rpc = RpcServer::Create(std::move(rpc_options), {&workers}, (*platform)->runtime());
  if (!rpc.ok()) return rpc.status();

  if (Status status = (*http)->Start(); !status.ok()) return status;
  if (Status status = (*platform)->Start(); !status.ok()) return status;
  if (Status status = (*rpc)->Start(); !status.ok()) return status;
  if (!options.advertise.empty()) {
    const std::string address = daemon::Advertised(options, (*rpc)->port());
    if (Status status = workers.Join(address); !status.ok()) return status;
  }
  (*rpc)->SetReady(true);
  http_status.SetReady(true);
  log.Write(LogLevel::kInfo, kName,
            "ready: " + options.listen + " http " + std::to_string((*http)->port()) + " grpc " +
                std::to_string((*rpc)->port()));

  log.Write(LogLevel::kInfo, kName, daemon::Signals::Told(signals.Wait()));
  http_status.SetReady(false);
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(options.stop_timeout_ms);
  const auto left = [end] {
    return std::max(std::chrono::milliseconds(0),
                    std::chrono::duration_cast<std::chrono::milliseconds>(
                        end - std::chrono::steady_clock::now()));
  };
  const Status calls = (*rpc)->Stop(left() / 2);
  const Status events = (*platform)->Stop(left());
  const Status probes = (*http)->Stop(std::min(left(), std::chrono::milliseconds(1000)));
  return !calls.ok() ? calls : !events.ok() ? events : probes;
}

int Fail(const Status& status) {
  std::fprintf(stderr, "virtufin-workmanager: %s\n", std::string(status.message()).c_str());
  return status.code() == StatusCode::kInvalidArgument ||
                 status.code() == StatusCode::kFailedPrecondition
             ? 2
             : 1;
}

}  // namespace

int main(int argc, char** argv) {
  daemon::Signals signals;
  int exit_status = 0;
  auto line = daemon::ReadCommandLine(
      argc, argv, "Creates workers, feeds them events and publishes their replies.",
      "virtufin-workmanager " VIRTUFIN_VERSION, Defaults(), exit_status);
  if (!line) return exit_status;
  Options& options = line->options;
  std::vector<std::string> warnings;
  if (Status status = daemon::CheckListening(options, warnings); !status.ok()) return Fail(status);
  if (Status status = daemon::CheckTogether(options); !status.ok()) return Fail(status);
  auto rpc = daemon::ServerOptions(options);
  if (!rpc.ok()) return Fail(rpc.status());
  if (line->check_only) {
    if (Status status = daemon::CheckWhole(options, *rpc); !status.ok()) {
      (void)Fail(status);
      return 2;
    }
    for (const std::string& warning : warnings) std::printf("warning: %s\n", warning.c_str());
    std::puts("the options are good");
    return 0;
  }
  const auto directory = daemon::DataDirectory::Open(options.data_directory);
  if (!directory.ok()) return Fail(directory.status());
  if (options.platform.state_path.empty()) {
    options.platform.state_path = directory->File("state.db");
  }
  if (!options.advertise.empty()) {
    auto peers = MakePeerForwarder(daemon::PeerOptions(options, *rpc));
    if (!peers.ok()) return Fail(peers.status());
    options.platform.peers = std::move(*peers);
  }
  const auto log = daemon::MakeLog(options);
  options.platform.log = log;
  signals.LogTo(log);
  for (const std::string& warning : warnings) log->Write(LogLevel::kWarn, kName, warning);
  const Status status = Run(options, std::move(*rpc), signals, *log);
  if (status.ok()) return 0;
  log->Write(LogLevel::kError, kName, status.ToString());
  return 1;
}
