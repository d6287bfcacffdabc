// Fuzz target: any bytes into ingest(); what comes out must be good lines that stay the same when
// they go in once more. The first byte chooses the options.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/line/cursor.h"
#include "agent/line/ingest.h"

namespace {

using holdfast::line::LineChunk;
using holdfast::line::LineChunks;
using holdfast::line::LineCursor;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

holdfast::line::IngestOptions options_from(std::uint8_t choice) {
  holdfast::line::IngestOptions options;
  options.now_ns = 1'700'000'000'000'000'000;
  options.uint_support = (choice & 1U) != 0;
  if ((choice & 2U) != 0) {
    options.add_tags = {{"dc", "a b"}, {"host", "h"}};
  }
  if ((choice & 4U) != 0) {
    options.precision = holdfast::line::Precision::kSeconds;
  }
  return options;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  auto options = options_from(data[0]);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  LineChunks out(4'096, 100);
  const auto result = holdfast::line::ingest(text, options, out);
  require(result.points == out.points());
  options.precision = holdfast::line::Precision::kNanoseconds;
  for (const LineChunk& chunk : out.take()) {
    std::uint32_t points = 0;
    LineCursor cursor(chunk.bytes);
    while (const auto parts = cursor.next()) {
      require(!holdfast::line::check_line(parts->line).has_value());
      require(!parts->timestamp.empty());
      ++points;
    }
    require(points == chunk.points);
    LineChunks again(chunk.bytes.size() + 1, points + 1);
    require(holdfast::line::ingest(chunk.bytes, options, again).bad_lines == 0);
    const auto chunks = again.take();
    require(chunks.size() == 1 && chunks[0].bytes == chunk.bytes);
  }
  return 0;
}
