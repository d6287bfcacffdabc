// AnswerReader: collects the answer to one request as its bytes come in, within limits.
#pragma once

#include <cstddef>
#include <string_view>

#include "outputs/http_client.h"

namespace holdfast::outputs {

class AnswerReader {
 public:
  static constexpr std::size_t kMaxBody = 8192;       // kept
  static constexpr std::size_t kMaxDrain = 1U << 20;  // read at all
  static constexpr std::size_t kMaxHeaders = 64;      // kept, each cut at:
  static constexpr std::size_t kMaxHeaderBytes = 4096;

  // A status line, a header line or the empty line that ends the section. A new status line begins
  // a new answer: a 1xx before the final one.
  void header_line(std::string_view line);
  // False when there is more than kMaxDrain: stop reading, the connection is of no more use.
  [[nodiscard]] bool body(std::string_view bytes);
  // The raw bytes of a whole answer or its beginning, as found in a socket after a failed send.
  void raw(std::string_view bytes);

  [[nodiscard]] bool saw_anything() const { return saw_anything_; }
  [[nodiscard]] bool has_status() const { return result_.status > 0; }
  // The header section is complete, or the status says enough without it.
  [[nodiscard]] bool status_counts() const {
    return (headers_done_ && result_.status >= 200) || result_.status >= 400;
  }
  [[nodiscard]] HttpResult take() { return std::move(result_); }

 private:
  HttpResult result_;
  std::size_t body_bytes_ = 0;
  bool headers_done_ = false;
  bool saw_anything_ = false;
};

}  // namespace holdfast::outputs
