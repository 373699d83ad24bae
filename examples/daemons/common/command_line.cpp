// CLI11 collects what the command line sets; it is applied last.
#include "daemons/common/command_line.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <utility>
#include <vector>

namespace virtufin::daemon {
namespace {

using Given = std::vector<std::pair<std::string, std::string>>;

void AddOptions(CLI::App& app, const Options& base, Given& given) {
  for (const Options::Name& name : Options::Names()) {
    std::string help(name.help);
    if (!name.variable.empty()) help += "; $" + std::string(name.variable);
    const std::string plain(name.name);
    if (plain == "insecure") {
      app.add_flag_callback(
          "--insecure", [&given] { given.emplace_back("insecure", "true"); }, help);
      continue;
    }
    auto* const option = app.add_option_function<std::vector<std::string>>(
        "--" + plain,
        [&given, plain](const std::vector<std::string>& values) {
          for (const std::string& value : values) given.emplace_back(plain, value);
        },
        help);
    option->expected(1)->take_all();
    if (name.value != nullptr) option->default_str(name.value(base));
    if (plain != "api-key") option->take_last();
  }
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&given](const std::vector<std::string>& values) {
           for (const std::string& value : values) {
             const std::size_t equals = std::min(value.find('='), value.size());
             given.emplace_back(value.substr(0, equals),
                                value.substr(std::min(equals + 1, value.size())));
           }
         },
         "<key>=<value>: an option of the platform, as workmanager.call_timeout_ms=5000")
      ->expected(1)
      ->take_all();
}

Result<Options> Layered(Options options, const std::string& file, const Given& given) {
  if (!file.empty()) {
    auto read = Options::FromFile(std::move(options), file);
    if (!read.ok()) return read;
    options = std::move(*read);
  }
  auto from_environment = Options::FromEnvironment(std::move(options));
  if (!from_environment.ok()) return from_environment;
  for (const auto& [name, value] : given) {
    if (Status status = from_environment->Set(name, value); !status.ok()) return status;
  }
  return from_environment;
}

}  // namespace

std::optional<CommandLine> ReadCommandLine(int argc, char** argv, const char* what,
                                           const char* version, Options base, int& exit_status) {
  CLI::App app(what);
  CommandLine line;
  std::string file;
  Given given;
  app.set_version_flag("--version", version);
  app.add_option("--config", file, "file of options in TOML or INI; the environment overrides it");
  app.add_flag("--check-config", line.check_only, "say whether the options are good, and end");
  AddOptions(app, base, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_status = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  auto options = Layered(std::move(base), file, given);
  if (!options.ok()) {
    std::fprintf(stderr, "%s: %s\n", argv[0], std::string(options.status().message()).c_str());
    exit_status = 2;
    return std::nullopt;
  }
  line.options = std::move(*options);
  return line;
}

}  // namespace virtufin::daemon
