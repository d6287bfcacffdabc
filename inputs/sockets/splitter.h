// Splitter: the bytes of a stream → messages, in whatever pieces the bytes come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "inputs/sockets/server.h"

namespace holdfast::sockets {

// What is known of the bytes at the beginning of a message.
struct Cut {
  std::size_t skip = 0;     // bytes in front of the message that are not of it
  std::size_t message = 0;  // bytes of the message
  std::size_t end = 0;      // bytes of all that, with what stands behind the message
};

// Where messages end. One for each way to say it; each decides from the bytes alone.
class Framing {
 public:
  virtual ~Framing() = default;
  // Nothing if that takes more bytes: `pending` is all there is since the last message, of which
  // the first `seen` bytes have been there at the last call. A cut may lie beyond `pending`. An
  // error (kInvalid) means that the rest of the stream cannot be understood.
  [[nodiscard]] virtual base::Result<std::optional<Cut>> find(std::string_view pending,
                                                              std::size_t seen) const = 0;
  // Where to look for the end of a message that is too long to be kept: as find(), but the
  // beginning of the message is gone. Nothing for framings that say the length first.
  [[nodiscard]] virtual std::optional<std::size_t> find_end(std::string_view) const { return {}; }
  // How many bytes at the end of `pending` may be the beginning of a message's end.
  [[nodiscard]] virtual std::size_t overlap() const { return 0; }
  // Whether what stands at the end of the stream, with no end of its own, is a message.
  [[nodiscard]] virtual bool ends_with_stream() const { return false; }
};

// Messages end with these bytes, at least one; the last may go without. A CR in front of a LF is
// not of the message.
[[nodiscard]] std::unique_ptr<Framing> make_delimiter_framing(std::string delimiter);
// All messages have this length, at least 1.
[[nodiscard]] std::unique_ptr<Framing> make_fixed_framing(std::size_t bytes);
// A header says how long what follows it is.
struct LengthField {
  std::size_t offset = 0;  // of the number
  std::size_t bytes = 0;   // of the number, 1 to 8
  bool little_endian = false;
  std::size_t header_length = 0;  // of the whole header, which is not of the message; 0: it is, and
                                  // the number counts it
};
[[nodiscard]] std::unique_ptr<Framing> make_length_framing(const LengthField& field);
// Decimal digits and a blank in front of each message (RFC 6587 section 3.4.1). Line ends between
// messages are skipped.
[[nodiscard]] std::unique_ptr<Framing> make_octet_counting();

// Not thread-safe. Memory is bounded by `max_message_bytes` and what it is fed.
class Splitter {
 public:
  using OnMessage = std::function<void(std::string_view message)>;
  // Called with kTooLarge for each message that is left out because it is longer than
  // `max_message_bytes`, and with kInvalid when the stream cannot be understood any more.
  using OnError = std::function<void(const base::Error& error)>;

  // The framing outlives the splitter; many may share it.
  Splitter(const Framing& framing, std::size_t max_message_bytes)
      : framing_(framing), max_message_bytes_(max_message_bytes) {}

  // The next bytes; messages are valid during the call, empty ones are left out. After kBroken,
  // feed nothing more.
  [[nodiscard]] Reading feed(std::string_view bytes, const OnMessage& on_message,
                             const OnError& on_error);
  // The stream is over: what is left is a message, or an error, or nothing.
  void finish(StreamEnd why, const OnMessage& on_message, const OnError& on_error);

 private:
  enum class Step { kMessage, kMore, kBroken };
  [[nodiscard]] Step cut(std::string_view& pending, const OnMessage& on_message,
                         const OnError& on_error);
  [[nodiscard]] Step skip(std::string_view& pending);
  [[nodiscard]] bool skipping() const { return skip_to_end_ || to_skip_ > 0; }
  void report_oversized(const OnError& on_error) const;

  const Framing& framing_;
  std::size_t max_message_bytes_;
  std::string kept_;          // the beginning of a message
  std::size_t seen_ = 0;      // of kept_, by the framing
  std::size_t to_skip_ = 0;   // bytes of a message that is too long, from here
  bool skip_to_end_ = false;  // the same, when its end is not known
};

}  // namespace holdfast::sockets
