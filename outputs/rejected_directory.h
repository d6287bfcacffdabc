// RejectedDirectory: the files of refused batches, for the store that writes them and the commands
// that look at them. A batch is two files: its lines, <id>.lp.gz, the gzip body as it was sent, and
// the sidecar <id>.json. While it is written there is .<id>.lp.gz.tmp, whose lock its writer holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/descriptor.h"
#include "agent/base/result.h"
#include "outputs/rejected_batch.h"

namespace holdfast::outputs {

struct RejectedFile {
  RejectedName name;
  std::uint64_t bytes = 0;  // of both files
  bool has_lines = false;   // false: a sidecar alone, left by a crash
};

// Several processes and threads may use one directory, each through an object of its own. Errors
// name the file and the system's reason.
class RejectedDirectory {
 public:
  // kNotFound if it is not there.
  [[nodiscard]] static base::Result<RejectedDirectory> open(const std::string& path);
  // Makes it (0700) if only its last part is missing.
  [[nodiscard]] static base::Result<RejectedDirectory> open_or_make(const std::string& path);

  // What is there, of all readers, oldest first. Other files are none of ours.
  [[nodiscard]] base::Result<std::vector<RejectedFile>> list() const;
  // When a file came or went, by the clock of the file system in ns; 0 if it cannot be told.
  [[nodiscard]] std::int64_t changed_ns() const;

  // Writes the two files (0600), synced, the sidecar first: then lines have always got one. The
  // ordinal of `name` becomes the first that is free. After an error nothing of it is left.
  [[nodiscard]] base::Status add(RejectedName& name, std::string_view gzip,
                                 std::string_view sidecar) const;
  // Puts another sidecar in the place of the one there.
  [[nodiscard]] base::Status replace_sidecar(const RejectedName& name,
                                             std::string_view sidecar) const;

  // Whether its lines are there.
  [[nodiscard]] bool contains(const RejectedName& name) const;
  [[nodiscard]] base::Result<RejectedInfo> info(const RejectedName& name) const;
  [[nodiscard]] base::Result<std::string> gzip(const RejectedName& name) const;
  // For whoever works on the batch: kBusy if another process does, kNotFound if it is gone. Held
  // until the descriptor is closed; does not keep others from removing the files.
  [[nodiscard]] base::Result<base::Descriptor> claim(const RejectedName& name) const;
  // False if it was not there.
  [[nodiscard]] base::Result<bool> remove(const RejectedName& name) const;
  // Removes what a crash left of this reader's batches: temporary files that nobody writes, and
  // sidecars without lines.
  [[nodiscard]] base::Status tidy(std::string_view reader) const;

 private:
  RejectedDirectory(std::string path, base::Descriptor descriptor);
  [[nodiscard]] base::Result<std::vector<std::string>> file_names() const;
  [[nodiscard]] base::Result<std::string> read(const std::string& file, std::uint64_t limit) const;
  [[nodiscard]] base::Result<bool> unlink(const std::string& file) const;
  void unlink_if_abandoned(const std::string& file) const;
  [[nodiscard]] bool exists(const std::string& file) const;
  [[nodiscard]] tl::unexpected<base::Error> failure(std::string_view verb, std::string_view file,
                                                    int error) const;

  std::string path_;
  base::Descriptor descriptor_;
};

}  // namespace holdfast::outputs
