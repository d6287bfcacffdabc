// Lines are kept until their end comes; what grows too long is forgotten up to there.
#include "inputs/line_splitter.h"

namespace holdfast::inputs {

std::string LineSplitter::add(std::string_view piece) {
  std::string lines;
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    if (!leaving_out_ && open_.size() + part.size() > max_bytes_) {
      ++too_long_;
      leaving_out_ = true;
      open_.clear();
    }
    if (!leaving_out_) open_ += part;
    if (end == std::string_view::npos) break;
    if (!leaving_out_) {
      lines += open_;
      lines += '\n';
    }
    leaving_out_ = false;
    open_.clear();
    piece.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace holdfast::inputs
