// Runs a fuzz target without libFuzzer: over each file of the folders given, and over copies of
// them with bytes changed, cut, doubled and mixed, the same in every run.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;
using Random = std::mt19937;

std::size_t Below(Random& random, std::size_t end) {
  return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
}

Bytes Changed(Random& random, Bytes bytes, const Bytes& other) {
  static constexpr std::uint8_t kLikely[] = {0x00, 0x01, 0x04, 0x7f, 0x80, 0xff};
  for (std::size_t left = 1 + Below(random, 4); left > 0 && !bytes.empty(); --left) {
    const auto at = static_cast<std::ptrdiff_t>(Below(random, bytes.size()));
    switch (Below(random, 5)) {
      case 0:
        bytes[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(random());
        break;
      case 1:
        bytes[static_cast<std::size_t>(at)] = kLikely[Below(random, std::size(kLikely))];
        break;
      case 2:
        bytes.erase(bytes.begin() + at, bytes.end());
        break;
      case 3:
        bytes.insert(bytes.begin() + at, static_cast<std::uint8_t>(random()));
        break;
      default:
        if (!other.empty()) {
          bytes.insert(bytes.begin() + at, other.begin(),
                       other.begin() + static_cast<std::ptrdiff_t>(Below(random, other.size())));
        }
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Bytes> corpus;
  for (int i = 1; i < argc; ++i) {
    std::set<std::filesystem::path> paths;  // in an order that no file system decides
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      paths.insert(entry.path());
    }
    for (const auto& path : paths) {
      std::ifstream file(path, std::ios::binary);
      corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "expected folders with at least one file\n");
    return 2;
  }
  Random random(1);
  std::size_t runs = 0;
  for (const Bytes& bytes : corpus) {
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    for (int i = 0; i < 2000; ++i, ++runs) {
      const Bytes changed = Changed(random, bytes, corpus[Below(random, corpus.size())]);
      LLVMFuzzerTestOneInput(changed.data(), changed.size());
    }
  }
  std::printf("%zu files, %zu changed copies\n", corpus.size(), runs);
  return 0;
}
