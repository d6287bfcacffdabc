// The explicit table of outputs, sorted by name, and what all outputs share.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>

#include "config/schema.h"
#include "outputs/output.h"

namespace holdfast::outputs {

[[nodiscard]] std::span<const OutputPlugin> all_outputs();
// Null if there is no such output.
[[nodiscard]] const OutputPlugin* find_output(std::string_view name);

// The options every output takes besides its own.
[[nodiscard]] const config::Schema<WorkerOptions>& worker_schema();

// Names the readers of one configuration. A reader's name is what its backlog and ledger hang on in
// the ring, so the rule is fixed for ever: the alias if there is one, else
// "<plugin>-<FNV-1a 64 of identity, 16 hex digits>"; a name over 63 bytes is cut to 46 and gets
// "-<FNV-1a 64 of the whole name>"; the second and later of equal names get "-2", "-3"...
class ReaderNames {
 public:
  static constexpr std::size_t kMaxBytes = 63;
  [[nodiscard]] std::string take(std::string_view plugin, std::string_view alias,
                                 std::string_view identity);

 private:
  std::set<std::string> taken_;
};

}  // namespace holdfast::outputs
