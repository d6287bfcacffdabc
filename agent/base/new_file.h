// NewFile: a file that appears under its name whole and synced, or not at all.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/descriptor.h"
#include "agent/base/result.h"

namespace holdfast::base {

// Written under a temporary name in an open directory, with a lock on it for as long as this
// object lives: what is found there unlocked is left over from a crash. Removed again unless
// published.
class NewFile {
 public:
  // kBusy if there is a file of that temporary name.
  [[nodiscard]] static Result<NewFile> create(int directory, const std::string& temporary);
  ~NewFile();
  NewFile(NewFile&& other) noexcept;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  NewFile& operator=(NewFile&&) = delete;

  // Errors give the system's reason only.
  [[nodiscard]] Status write_and_sync(std::string_view bytes);
  // Gives it its name, in place of a file that has it.
  [[nodiscard]] Status publish(const std::string& name);

 private:
  NewFile(int directory, std::string temporary, Descriptor descriptor);

  int directory_;
  std::string temporary_;  // empty once it has its own name
  Descriptor descriptor_;
};

}  // namespace holdfast::base
