// Where the daemon's options come from, and which it refuses.
#include <filesystem>
#include <fstream>

#include "integration/daemon/process.hpp"
#include "support/temporary_folder.hpp"

using namespace virtufin::test;

namespace {

struct Outcome {
  int status = 0;
  std::string said;
};

Outcome Check(std::vector<std::string> arguments, const Process::Environment& environment = {}) {
  arguments.push_back("--check-config");
  Process process(arguments, environment);
  Outcome outcome;
  outcome.status = process.ExitStatus();
  outcome.said = process.Said();
  return outcome;
}

void CheckRefused(const Outcome& outcome, std::string_view words) {
  CHECK(outcome.status == 2);
  CHECK_MESSAGE(outcome.said.find(words) != std::string::npos, outcome.said);
}

}  // namespace

// Pins WM-81.
TEST_CASE("the daemon listens elsewhere only with a key, client certificates or a clear word") {
  for (const char* address : {"0.0.0.0", "192.0.2.1", "::", "2001:db8::1", "126.0.0.1"}) {
    const Outcome refused = Check({"--listen", address});
    CheckRefused(refused, "expected api-key or tls-client-ca");
    CHECK(refused.said.find(address) != std::string::npos);
    CHECK(Check({"--listen", address, "--api-key", "alice=secret"}).status == 0);
    const Outcome insecure = Check({"--listen", address, "--insecure"});
    CHECK(insecure.status == 0);
    CHECK(insecure.said.find("warning: insecure") != std::string::npos);
  }
  for (const char* address : {"127.0.0.1", "127.9.9.9", "::1"}) {
    const Outcome good = Check({"--listen", address});
    CHECK(good.status == 0);
    CHECK(good.said.find("warning: no api-key") != std::string::npos);
  }
  CheckRefused(Check({"--listen", "localhost"}), "expected an IPv4 or IPv6 address");
}

// Pins WM-81.
TEST_CASE("an option that is none is refused by its name, wherever it stands") {
  CheckRefused(Check({"--grpc-port", "65536"}), "grpc-port: expected a whole number");
  CheckRefused(Check({"--nothing"}), "--nothing");
  CheckRefused(Check({"--set", "workmanager.nothing=1"}), "workmanager.nothing");
  const Outcome nameless = Check({"--api-key", "hunter2"});
  CheckRefused(nameless, "<name>=<key>");
  CHECK(nameless.said.find("hunter2") == std::string::npos);
  CheckRefused(Check({}, {{"HttpPort", "x"}}), "HttpPort: http-port: expected");
  CheckRefused(Check({}, {{"ApiAuth__Keys__", "x"}}), "ApiAuth__Keys__");
  CheckRefused(Check({"--config", "/nowhere/at all"}), "/nowhere/at all");
  CHECK(Check({"--tls-certificate", "/nowhere", "--tls-key", "/nowhere"})
            .said.find("/nowhere: expected a file") != std::string::npos);
  TemporaryFolder folder;
  std::ofstream(folder / "bad.toml") << "nothing = 1\n";
  CheckRefused(Check({"--config", folder / "bad.toml"}), "nothing");
}

// Pins WM-81.
TEST_CASE("options that need each other are refused alone, by the name of the one that is wrong") {
  CheckRefused(Check({"--tls-certificate", "/x"}), "tls-key: expected");
  CheckRefused(Check({"--tls-key", "/x"}), "tls-certificate: expected");
  CheckRefused(Check({"--tls-client-ca", "/x"}), "tls-certificate: expected");
  const std::vector<std::string> advertise = {"--advertise", "127.0.0.1:1"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), advertise.begin(), advertise.end());
    return Check(more);
  };
  CheckRefused(with({"--api-key", "peer=secret"}), "workmanager.instance_id: expected");
  CheckRefused(with({"--api-key", "bob=secret", "--set", "workmanager.instance_id=a"}),
               "api-key: expected one named peer");
  CHECK(with({"--api-key", "peer=secret", "--set", "workmanager.instance_id=a"}).status == 0);
  for (const char* bad : {"host", ":1", "host:", "host:x", "host:65536"}) {
    CheckRefused(Check({"--advertise", bad}), "advertise: expected <host>:<port>");
  }
}

// Pins WM-81.
TEST_CASE("the environment overrides the file, and the command line both") {
  TemporaryFolder folder;
  std::ofstream(folder / "good.toml") << "listen = \"0.0.0.0\"\n"
                                         "log-format = \"json\"\n"
                                         "workmanager.call_timeout_ms = 5000\n"
                                         "[api-key]\n"
                                         "alice = \"secret\"\n";
  const std::string file = folder / "good.toml";
  CHECK(Check({"--config", file}).status == 0);
  CHECK(Check({"--config", file}).said.find("no tls-certificate") != std::string::npos);
  CHECK(Check({"--config", file}, {{"ListenAddress", "::1"}}).said.find("warning") ==
        std::string::npos);
  CheckRefused(Check({"--config", file, "--listen", "name"}, {{"ListenAddress", "::1"}}), "'name'");
  CHECK(Check({"--listen", "0.0.0.0"}, {{"ApiAuth__Keys__bob", "secret"}}).status == 0);
}

// Pins WM-81.
TEST_CASE("the platform's own variables set the options that they are for") {
  CheckRefused(Check({}, {{"WORKER_RETRY_ATTEMPTS", "many"}}),
               "WORKER_RETRY_ATTEMPTS: workmanager.retry_attempts: expected");
  CheckRefused(Check({}, {{"WORKER_RETRY_BASE_DELAY_MS", "-1"}}),
               "WORKER_RETRY_BASE_DELAY_MS: workmanager.retry_delay_ms: expected");
  CheckRefused(Check({}, {{"WORKER_RECOVERY_ON_START", "maybe"}}),
               "WORKER_RECOVERY_ON_START: workmanager.recovery_on_start: expected");
  CheckRefused(Check({}, {{"MessageHandlingTimeoutSeconds", "1.5"}}),
               "MessageHandlingTimeoutSeconds: seconds: expected a whole number from 0 to 86400");
  CheckRefused(Check({}, {{"ALLOWED_CODE_SOURCE_HOSTS", "10.0.0.7,bad host"}}), "bad host");
  CHECK(Check({}, {{"WORKER_RETRY_ATTEMPTS", "5"},
                   {"WORKER_RETRY_BASE_DELAY_MS", "100"},
                   {"WORKER_RECOVERY_ON_START", "false"},
                   {"MessageHandlingTimeoutSeconds", "86400"},
                   {"ALLOWED_CODE_SOURCE_HOSTS", "10.0.0.7,artifacts.corp:8443"}})
            .status == 0);
}

// Pins WM-81.
TEST_CASE("a check refuses what the start would refuse, and makes nothing") {
  TemporaryFolder folder;
  CheckRefused(Check({"--bus", "redis"}), "pubsub.driver 'redis'");
  CheckRefused(Check({"--state", "foo"}), "state.driver 'foo'");
  CheckRefused(Check({"--set", "workmanager.code.allowed_hosts=a b"}), "a b");
  const std::string credentials = folder / "credentials.json";
  CheckRefused(Check({"--set", "workmanager.code.credentials=" + credentials}), credentials);
  std::ofstream(credentials) << "{\"not\":";
  CheckRefused(Check({"--set", "workmanager.code.credentials=" + credentials}), credentials);
  CheckRefused(Check({}, {{"ApiAuth__Keys__bob", "caf\xc3\xa9"}}), "the key of 'bob'");
  const std::string data = folder / "data";
  CHECK(Check({"--data-directory", data}).status == 0);
  CHECK_FALSE(std::filesystem::exists(data));
}

// Pins WM-81.
TEST_CASE("the daemon tells its version and its options") {
  Process version({"--version"});
  CHECK(version.ExitStatus() == 0);
  CHECK(version.HasSaid("virtufin-workmanager 0."));
  Process help({"--help"});
  CHECK(help.ExitStatus() == 0);
  CHECK(help.HasSaid("--check-config"));
  CHECK(help.HasSaid("$GrpcPort"));
  const std::string said = help.Said();
  for (const auto& [option, value] : {std::pair("--http-port", "25001"),
                                      {"--grpc-port", "25002"},
                                      {"--listen", "127.0.0.1"},
                                      {"--data-directory", "virtufin-data"},
                                      {"--state", "sqlite"}}) {
    const std::size_t at = said.find(option);
    REQUIRE(at != std::string::npos);
    CHECK_MESSAGE(said.substr(at, said.find('\n', at) - at).find(value) != std::string::npos, said);
  }
}
