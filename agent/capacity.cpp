// The estimate of `holdfast check`. See capacity.h.
#include "agent/capacity.h"

#include <algorithm>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "agent/gatherer.h"
#include "agent/store.h"
#include "buffer/compressor.h"
#include "buffer/format.h"

namespace holdfast::agent {
namespace {

struct Round {
  std::string lines;
  std::uint32_t points = 0;
};

void gather(ConfiguredInput& input, const base::Clock& clock, Round& into) {
  (void)gather_once(input, {}, clock, base::Logger(),
                    [&into](const std::vector<line::LineChunk>& chunks) {
                      for (const line::LineChunk& chunk : chunks) {
                        into.lines += chunk.bytes;
                        into.points += chunk.points;
                      }
                    });
}

// Bytes that the lines take in the ring. They are cut into blocks as batches are, nearly.
std::uint64_t stored_bytes(const std::string& lines, const Configuration& configuration,
                           bool at_leisure, buffer::Compressor& compressor) {
  const std::size_t block_bytes =
      std::min<std::size_t>(configuration.block_bytes(), buffer::kMaxPayload);
  std::uint64_t bytes = 0;
  for (std::size_t at = 0; at < lines.size(); at += block_bytes) {
    buffer::Block block;
    compressor.compress(std::string_view(lines).substr(at, block_bytes), block, at_leisure);
    bytes += buffer::extent_of(block.bytes.size());
  }
  return bytes;
}

std::string plural(std::int64_t count, std::string_view unit) {
  return fmt::format("{} {}{}", count, unit, count == 1 ? "" : "s");
}

// In the one unit that is worth reading.
std::string rough(base::Duration duration) {
  using std::chrono::duration_cast;
  using std::chrono::hours;
  using std::chrono::minutes;
  constexpr auto kDay = hours(24);
  if (duration >= 2 * kDay) return plural(duration / kDay, "day");
  if (duration >= hours(2)) return plural(duration_cast<hours>(duration).count(), "hour");
  return plural(duration_cast<minutes>(duration).count(), "minute");
}

}  // namespace

base::Duration Capacity::outage() const {
  // A century is for ever; more would not fit a Duration.
  constexpr double kMostSeconds = 100.0 * 365 * 86400;
  if (bytes_per_second <= 0) return {};
  const double seconds = std::min(kMostSeconds, static_cast<double>(room) / bytes_per_second);
  return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(seconds));
}

double Capacity::bytes_per_point() const {
  return points_per_second > 0 ? bytes_per_second / points_per_second : 0;
}

std::string Capacity::text() const {
  const std::string_view more = listeners ? "; what listeners receive comes on top of it" : "";
  if (points_per_second <= 0) {
    return fmt::format("how long an outage it holds is not known: no input gave a point{}", more);
  }
  return fmt::format(
      "about {} of outage (an estimate: the inputs gave {:.3g} points a second just now, which "
      "take "
      "{:.3g} bytes each in blocks of the ring{})",
      rough(outage()), points_per_second, bytes_per_point(), more);
}

Capacity estimate_capacity(Configuration& configuration, const base::Clock& clock,
                           base::Duration pause) {
  Capacity out;
  out.room = buffer::data_size_of(configuration.buffer.size.count);
  std::map<base::Duration, Round> rounds;  // by interval
  bool waits = false;
  for (ConfiguredInput& input : configuration.inputs) {
    if (!input.plugin->needs_two_gathers) continue;
    Round unused;
    gather(input, clock, unused);
    waits = true;
  }
  if (waits) std::this_thread::sleep_for(pause);
  for (ConfiguredInput& input : configuration.inputs) {
    if (input.service() != nullptr) {
      out.listeners = true;
    } else {
      gather(input, clock, rounds[input.interval]);
    }
  }
  buffer::Compressor compressor(static_cast<int>(configuration.buffer.compression_level),
                                compression_of(configuration.buffer));
  for (const auto& [interval, round] : rounds) {
    const double seconds = std::chrono::duration<double>(interval).count();
    out.points_per_second += round.points / seconds;
    out.bytes_per_second +=
        static_cast<double>(
            stored_bytes(round.lines, configuration, interval >= buffer::kLeisure, compressor)) /
        seconds;
  }
  return out;
}

}  // namespace holdfast::agent
