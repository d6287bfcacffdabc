// PathGlob: which files a pattern means now.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "config/glob.h"

namespace holdfast::inputs {

// `*`, `?`, `[..]`, `{a,b}` within a name, `**` over any number of folders. Immutable, thread-safe.
class PathGlob {
 public:
  [[nodiscard]] static base::Result<PathGlob> compile(const std::string& pattern);

  // False: the pattern is a path as it stands.
  [[nodiscard]] bool has_wildcards() const { return !levels_.empty() || recursive_; }
  [[nodiscard]] const std::string& pattern() const { return pattern_; }
  // What exists and is no directory, sorted; a path without wildcards if it exists at all. Folders
  // that may not be read hold nothing. Behind `**` links to folders are not followed. At most
  // 100,000 entries are looked at.
  [[nodiscard]] std::vector<std::string> expand() const;

 private:
  struct Search;
  void search(Search& state, const std::string& folder, std::size_t level) const;
  void search_below(Search& state, const std::string& folder) const;

  std::string pattern_;
  std::string root_;                      // the folder before the first wildcard
  std::vector<config::GlobList> levels_;  // a name each, below the root
  bool recursive_ = false;                // then what is below the levels is compared as a whole
  config::GlobList whole_;
};

}  // namespace holdfast::inputs
