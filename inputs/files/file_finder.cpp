// Folder by folder, so that only those are read in which something may match.
#include "inputs/files/file_finder.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

namespace holdfast::files {
namespace {

namespace fs = std::filesystem;

// Whether `name` is a part of a pattern that a `/` does not cut in two.
bool is_one_name(std::string_view name) {
  return name.find("**") == std::string_view::npos &&
         std::count(name.begin(), name.end(), '{') == std::count(name.begin(), name.end(), '}');
}

std::string join(const std::string& folder, const std::string& name) {
  return folder.empty() || folder.back() == '/' ? folder + name : folder + "/" + name;
}

// As a folder to read: a relative pattern begins where the program does.
std::string readable(const std::string& folder) { return folder.empty() ? "." : folder; }

}  // namespace

struct FileFinder::Search {
  std::set<std::string> paths;
  std::set<std::string> folders;
  std::size_t entries = 0;

  bool full() const { return entries > kMaxEntries; }
};

bool FileFinder::is_pattern(std::string_view text) {
  return text.find_first_of("*?[]{}\\") != std::string_view::npos;
}

base::Result<FileFinder> FileFinder::compile(const std::vector<std::string>& patterns) {
  FileFinder finder;
  for (const std::string& pattern : patterns) {
    Steps steps;
    std::string_view left = pattern;
    while (!left.empty()) {
      const std::size_t slash = std::min(left.find('/'), left.size());
      const std::string_view name = left.substr(0, slash);
      Step step{std::string(name), {}, !is_one_name(name)};
      if (step.rest || is_pattern(name)) {
        auto glob = config::GlobList::compile({step.rest ? pattern : step.name}, "/");
        if (!glob) {
          return base::fail(glob.error().code, "`{}`: {}", pattern, glob.error().message);
        }
        step.glob = std::move(*glob);
      }
      const bool rest = step.rest;
      steps.push_back(std::move(step));
      if (rest) break;
      left.remove_prefix(std::min(slash + 1, left.size()));
    }
    finder.patterns_.push_back(std::move(steps));
  }
  return finder;
}

FileFinder::Found FileFinder::find() const {
  Search search;
  for (const Steps& steps : patterns_) descend("", steps, 0, search);
  return {{search.paths.begin(), search.paths.end()},
          {search.folders.begin(), search.folders.end()},
          search.full()};
}

void FileFinder::descend(const std::string& folder, const Steps& steps, std::size_t at,
                         Search& search) {
  if (at == steps.size() || search.full()) return;
  const Step& step = steps[at];
  const bool last = at + 1 == steps.size();
  std::error_code failed;
  const auto go_on = [&](const std::string& name) {
    const std::string path = join(folder, name);
    std::error_code ignored;
    const auto status = fs::status(path, ignored);
    if (last && fs::exists(status) && !fs::is_directory(status)) search.paths.insert(path);
    if (!last && fs::is_directory(status)) descend(path, steps, at + 1, search);
  };
  if (step.rest) return walk(folder, step.glob, search);
  if (fs::is_directory(readable(folder), failed)) search.folders.insert(readable(folder));
  // The empty name before the first slash is the root; others are slashes too many.
  if (step.name.empty()) return descend(at == 0 ? "/" : folder, steps, at + 1, search);
  if (step.glob.empty()) return go_on(step.name);
  fs::directory_iterator names(readable(folder), failed);
  for (; !failed && names != fs::directory_iterator() && !search.full(); names.increment(failed)) {
    ++search.entries;
    const std::string name = names->path().filename().string();
    if (step.glob.matches(name)) go_on(name);
  }
}

void FileFinder::walk(const std::string& folder, const config::GlobList& glob, Search& search) {
  std::error_code failed;
  if (fs::is_directory(readable(folder), failed)) search.folders.insert(readable(folder));
  fs::recursive_directory_iterator entries(readable(folder),
                                           fs::directory_options::skip_permission_denied, failed);
  for (; !failed && entries != fs::recursive_directory_iterator() && !search.full();
       entries.increment(failed)) {
    ++search.entries;
    std::error_code ignored;
    const fs::path& entry = entries->path();
    const std::string path = folder.empty() ? entry.lexically_normal().string() : entry.string();
    if (entries->is_directory(ignored)) {
      if (!entries->is_symlink(ignored)) search.folders.insert(path);
    } else if (entries->exists(ignored) && glob.matches(path)) {
      search.paths.insert(path);
    }
  }
}

}  // namespace holdfast::files
