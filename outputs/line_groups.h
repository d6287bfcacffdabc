// Lines of a batch that cannot go out as they lie in the ring: other precision, or a database,
// retention policy or bucket that a tag names.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/line/ingest.h"

namespace holdfast::outputs {

// Query parameters, by name.
using Parameters = std::map<std::string, std::string>;

// The value of `tag` replaces the parameter, for the lines that have that tag.
struct Route {
  std::string parameter;
  std::string tag;
  bool exclude = false;  // the tag is not written
};

struct LineRules {
  std::vector<Route> routes;
  line::Precision precision = line::Precision::kNanoseconds;

  [[nodiscard]] bool empty() const {
    return routes.empty() && precision == line::Precision::kNanoseconds;
  }
};

// Lines that go to the same place, in their order.
struct LineGroup {
  Parameters parameters;  // of `routes`, where a line had the tag
  std::string lines;
  std::uint64_t points = 0;
};

// `lines` as they are in the ring. Timestamps are divided by the precision, the rest is cut off
// (towards zero). The groups stand in the order of their first lines.
[[nodiscard]] std::vector<LineGroup> group_lines(std::string_view lines, const LineRules& rules);

// GroupProgress: what the server has settled of a batch while other lines of it are kept, so that a
// retry does not send it again. In memory only: a restart forgets it. Not thread-safe.
class GroupProgress {
 public:
  // Of lines that are remembered, besides those of one group; beyond it all are forgotten.
  static constexpr std::size_t kMaxBytes = 8U << 20;

  struct Done {
    std::size_t bytes = 0;       // at the start of the group's lines: whole lines
    std::uint64_t points = 0;    // so many
    std::uint64_t rejected = 0;  // points of them that were refused
  };
  [[nodiscard]] Done done(const LineGroup& group) const;
  // All lines of the group are answered for good, `rejected` points of them refused.
  void add(const LineGroup& group, std::uint64_t rejected);
  // Groups that were refused as a whole will be sent again, in smaller parts perhaps.
  void forget_refused(const std::vector<LineGroup>& groups);
  // The batch of these groups is through: its lines will not come again.
  void settle(const std::vector<LineGroup>& groups);
  [[nodiscard]] bool empty() const { return ahead_.empty(); }

 private:
  // A batch that is cut smaller at its retry leaves more here than its groups have.
  struct Ahead {
    std::string lines;
    std::uint64_t points = 0;
    std::uint64_t rejected = 0;
  };
  std::map<Parameters, Ahead> ahead_;
  std::size_t bytes_ = 0;  // no less than what ahead_ holds
};

}  // namespace holdfast::outputs
