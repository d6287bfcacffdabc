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

  // "file:line:column: error: message"
  [[nodiscard]] std::string text() const;
};

class Diagnostics {
 public:
  // Tells the loading order; files never announced come after those that were.
  void add_file(std::shared_ptr<const std::string> file);
  void error(Position where, std::string message);
  void warning(Position where, std::string message);

  [[nodiscard]] bool has_errors() const;
  // Sorted by file (in loading order), line and column; what has no file comes last. A problem
  // reported twice is listed once.
  [[nodiscard]] std::vector<Diagnostic> sorted() const;

 private:
  std::vector<std::shared_ptr<const std::string>> files_;
  std::vector<Diagnostic> items_;
};

// The closest of `known` within a small edit distance, upper and lower case and `-` and `_` being
// the same; empty if none is near. The first of several equally close ones.
[[nodiscard]] std::string_view nearest_name(std::string_view name,
                                            const std::vector<std::string_view>& known);

// "; did you mean `interval`?", or nothing when no known name is near.
[[nodiscard]] std::string did_you_mean(std::string_view name,
                                       const std::vector<std::string_view>& known);

}  // namespace holdfast::config
