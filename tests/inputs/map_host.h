// A host made of texts: paths such as "/proc/stat" to their content. Everything else is missing.
#pragma once

#include <cerrno>
#include <map>
#include <string>
#include <utility>

#include "inputs/host_fs.h"

namespace holdfast::test {

class MapHost : public inputs::HostFs {
 public:
  explicit MapHost(std::map<std::string, std::string> files = {})
      : HostFs(inputs::HostRoots{}), files_(std::move(files)) {}

  void set(const std::string& path, std::string text) { files_[path] = std::move(text); }

 protected:
  [[nodiscard]] base::Result<std::string> read_file(const std::string& path) const override {
    const auto found = files_.find(path);
    if (found == files_.end()) return base::fail_errno("open " + path, ENOENT);
    return found->second;
  }

 private:
  std::map<std::string, std::string> files_;
};

}  // namespace holdfast::test
