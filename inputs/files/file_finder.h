// FileFinder: the files that patterns name at this moment.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "config/glob.h"

namespace holdfast::files {

// Patterns as config/glob.h has them, with `/` as separator: `**` goes through any number of
// folders. Links are followed, but to folders not below a `**`. Immutable, thread-safe.
class FileFinder {
 public:
  // Fails on a pattern that is none, naming it.
  [[nodiscard]] static base::Result<FileFinder> compile(const std::vector<std::string>& patterns);

  // Whether it names more than the path it is.
  [[nodiscard]] static bool is_pattern(std::string_view text);

  struct Found {
    std::vector<std::string> paths;  // that exist and are no folders; sorted, each once
    // Folders in which a new file may belong to them, as far as they exist; sorted, each once.
    std::vector<std::string> folders;
    bool too_many = false;  // the search was given up at kMaxEntries
  };
  static constexpr std::size_t kMaxEntries = 100'000;  // looked at by one search
  [[nodiscard]] Found find() const;

 private:
  // One step of a pattern: a name as it stands, a glob for one name, or one for all that follows.
  struct Step {
    std::string name;
    config::GlobList glob;
    bool rest = false;  // `glob` is matched against whole paths
  };
  using Steps = std::vector<Step>;
  struct Search;

  static void descend(const std::string& folder, const Steps& steps, std::size_t at,
                      Search& search);
  static void walk(const std::string& folder, const config::GlobList& glob, Search& search);

  std::vector<Steps> patterns_;
};

}  // namespace holdfast::files
