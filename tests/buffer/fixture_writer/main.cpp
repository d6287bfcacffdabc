// write_ring_fixtures VERSION: writes tests/fixtures/rings/VERSION-*.ring and what is found in
// each, for a version that is about to be released. What is there already is never written again:
// the fixtures of a released version do not change.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/buffer/ring_scenarios.h"

namespace {

bool write_new(const std::string& path, const std::string& content) {
  if (std::filesystem::exists(path)) {
    std::fprintf(stderr, "%s: is there already; name another version\n", path.c_str());
    return false;
  }
  std::ofstream out(path, std::ios::binary);
  out << content;
  return out.flush().good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: write_ring_fixtures VERSION\n", stderr);
    return 2;
  }
  for (const auto& scenario : holdfast::test::ring_scenarios()) {
    const std::string path =
        std::string(HOLDFAST_FIXTURES) + "/rings/" + argv[1] + "-" + scenario.name;
    const std::string bytes(reinterpret_cast<const char*>(scenario.image.data()),
                            scenario.image.size());
    if (!write_new(path + ".ring", bytes)) return 1;
    if (!write_new(path + ".txt", holdfast::test::describe_ring(scenario.image))) return 1;
  }
  return 0;
}
