// Diagnostics: every problem of the configuration, collected in one run.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::config {

// A place in a configuration file; line and column count from 1, 0 = unknown.
struct Position {
  std::shared_ptr<const std::string> file;  // as the user named it; null when there is no file
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  // "file:line:column", as much of it as is known.
  [[nodiscard]] std::string text() const;
};

enum class Severity { kWarning, kError };

struct Diagnostic {
  Severity severity = Severity::kError;
  Position where;
  std::string message;  // what was found, what was expected, the nearest known name

  // The same for programs, as far as it is known; nothing of a secret.
  std::string found{};
  std::string expected{};
  std::string suggestion{};
  // The option is known and no secret: its value may be shown with the message.
  bool shows_value = false;

  // "file:line:column: error: message"
  [[nodiscard]] std::string text() const;
};

class Listing;  // listing.h

class Diagnostics {
 public:
  // Tells the loading order; files never announced come after those that were.
  void add_file(std::shared_ptr<const std::string> file);
  // The text of a file, for excerpts.
  void add_listing(std::shared_ptr<const Listing> listing);
  // The problem is returned to add details to; valid until the next one.
  Diagnostic& error(Position where, std::string message);
  Diagnostic& warning(Position where, std::string message);
  // Something that Telegraf has and we have not: an error, or a warning if that is to be left out.
  Diagnostic& unsupported(Position where, const std::string& message);
  void skip_unsupported(bool skip) { skip_unsupported_ = skip; }

  [[nodiscard]] bool has_errors() const;
  // Sorted by file (in loading order), line and column; what has no file comes last. A problem
  // reported twice is listed once.
  [[nodiscard]] std::vector<Diagnostic> sorted() const;
  // The line of the file and below it a mark, each with a line end; empty if there is nothing to
  // show, or if a secret might stand there.
  [[nodiscard]] std::string excerpt(const Diagnostic& item) const;

 private:
  std::vector<std::shared_ptr<const std::string>> files_;
  std::vector<std::shared_ptr<const Listing>> listings_;
  std::vector<Diagnostic> items_;
  bool skip_unsupported_ = false;
};

// The closest of `known` within a small edit distance, upper and lower case and `-` and `_` being
// the same; empty if none is near. The first of several equally close ones.
[[nodiscard]] std::string_view nearest_name(std::string_view name,
                                            const std::vector<std::string_view>& known);

// "; did you mean `interval`?", or nothing when no known name is near.
[[nodiscard]] std::string did_you_mean(std::string_view name,
                                       const std::vector<std::string_view>& known);

}  // namespace holdfast::config
