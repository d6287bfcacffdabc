// Gunzip: gzip members one after the other, in whatever pieces they come.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace holdfast::inputs {

// Not thread-safe.
class Gunzip {
 public:
  // `what` is damaged, in errors; a text that lives on.
  explicit Gunzip(std::string_view what = "gzip");
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  // Inflates from the front of `input` and takes off what it has used; fills `out` as far as that
  // goes and says how far. Less than all of `out` means that the input is used up. kInvalid for
  // what is not gzip (RFC 1952) or damaged; nothing more can be read then.
  [[nodiscard]] base::Result<std::size_t> read(std::string_view& input, std::span<char> out);
  // At a place where the stream may end.
  [[nodiscard]] bool between_members() const { return between_members_; }

 private:
  struct Stream;
  std::string_view what_;
  std::unique_ptr<Stream> stream_;
  bool between_members_ = true;
};

// A whole message; kTooLarge if it inflates to more than `max_bytes`, kInvalid also if it is cut
// short.
[[nodiscard]] base::Result<std::string> gunzip(std::string_view message, std::uint64_t max_bytes);

}  // namespace holdfast::inputs
