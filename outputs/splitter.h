// Splitter: how to find the bad lines of a refused batch. It says how many points the next request
// takes; what was refused is halved until single lines are left. For a server that refuses a whole
// batch for one line; about 2·log2(n)+1 requests for each bad line among n.
#pragma once

#include <cstdint>
#include <vector>

namespace holdfast::outputs {

// For one worker. It keeps sizes only: the points are the next ones in the ring, in order.
class Splitter {
 public:
  // So many refusals in a row without a single good part: the trouble is not with some lines. What
  // is left of the batch is then refused as it is sent, not halved any more.
  static constexpr int kPatience = 64;

  // Points of the next request at most; 0 = as usual: nothing is being split.
  [[nodiscard]] std::uint64_t limit() const { return parts_.empty() ? 0 : parts_.back().points; }

  // The next `points` were taken by the server.
  void delivered(std::uint64_t points);
  // They were refused. `bad_line` is the line that the server names, counted from 1; 0 = none.
  // True: they are to be sent again in parts. False: there is nothing to halve, drop them.
  [[nodiscard]] bool refused(std::uint64_t points, std::uint64_t bad_line);

 private:
  // Parts of refused batches, the next one last.
  struct Part {
    std::uint64_t points = 0;
    bool bad_if_next_is_good = false;  // it and the part behind it were refused together
  };

  void take(std::uint64_t points);
  void push(std::uint64_t points);
  void halve(std::uint64_t points);

  std::vector<Part> parts_;
  int refused_in_a_row_ = 0;
};

}  // namespace holdfast::outputs
