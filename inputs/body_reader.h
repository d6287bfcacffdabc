// BodyReader: a request's body as pieces of whole lines, inflated on the way if it is gzip, so that
// a large body costs little memory beyond the bytes that came over the wire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace holdfast::inputs {

enum class BodyCoding { kIdentity, kGzip };

// Not thread-safe. `body` outlives the reader and stays unchanged.
class BodyReader {
 public:
  // `max_bytes` bounds the body as read, that is after inflating.
  BodyReader(std::string_view body, BodyCoding coding, std::uint64_t max_bytes);
  ~BodyReader();
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  // The next piece, valid until the next call; empty at the end. Every piece but the last ends with
  // a LF that ends a line (a LF inside a quoted field does not). Pieces hold 256 KiB, or a longer
  // line, or all of a gzip body that says it is at most 1 MiB.
  // Errors: kInvalid for what is not whole, correct gzip members (RFC 1952) and nothing else,
  // kTooLarge. They are found before the first piece is given: a body is read whole or not at all.
  [[nodiscard]] base::Result<std::string_view> next();

 private:
  class Inflater;
  [[nodiscard]] std::string_view next_identity();
  [[nodiscard]] base::Result<std::string_view> next_inflated();
  [[nodiscard]] base::Status inflate_more();
  [[nodiscard]] base::Status check_whole() const;
  [[nodiscard]] tl::unexpected<base::Error> too_large() const;

  std::string_view body_;
  std::uint64_t max_bytes_;
  std::size_t piece_bytes_;
  std::size_t at_ = 0;  // identity: bytes of the body given so far
  std::unique_ptr<Inflater> inflater_;
  std::string inflated_;
  std::size_t given_ = 0;  // bytes of inflated_ that the last piece covered
  bool checked_ = false;
};

}  // namespace holdfast::inputs
