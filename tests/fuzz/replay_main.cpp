// Replays a corpus through a fuzz target: each file as it is, and seeded mutations of it.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "agent/base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int kMutations = 200;

void feed(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

void mutate(std::string& input, holdfast::base::Random& random) {
  const std::size_t place = random.below(input.size() + 1);
  switch (random.below(std::uint64_t{4})) {
    case 0:
      input.insert(place, 1, static_cast<char>(random.next()));
      break;
    case 1:
      if (place < input.size()) input[place] = static_cast<char>(random.next());
      break;
    case 2:
      input.erase(place, random.below(std::uint64_t{16}));
      break;
    default:
      input.insert(place, input.substr(random.below(input.size() + 1), 24));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
    return 2;
  }
  holdfast::base::Random random(1);
  int files = 0;
  feed("");
  // In the same order everywhere: which mutations there are depends on it.
  const std::filesystem::directory_iterator folder(argv[1]);
  for (const std::filesystem::path& path :
       std::set<std::filesystem::path>(begin(folder), end(folder))) {
    std::ifstream file(path, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    feed(content);
    std::string mutated = content;
    for (int i = 0; i < kMutations; ++i) {
      if (i % 20 == 0) mutated = content;
      mutate(mutated, random);
      feed(mutated);
    }
    ++files;
  }
  std::printf("%d files\n", files);
  return files > 0 ? 0 : 1;
}
