// Positions: how far each file has been read and stored, kept in a small file that outlives the
// agent.
//
//   holdfast tail positions 1
//   <device> <inode> <offset> <fingerprint, hexadecimal> <last change, ns since 1970>
//       <last seen, s since 1970> <path>                                  (one line)
//   ...
//   crc32 <of all lines above, hexadecimal>
//
// In paths `%` and control characters stand as %XX.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/descriptor.h"
#include "agent/base/new_file.h"
#include "agent/base/result.h"
#include "inputs/tail/file_mark.h"

namespace holdfast::tail {

struct Position {
  std::string path;  // under which the file was found
  FileMark mark;
  std::int64_t seen_s = 0;  // s since 1970: when the path was last there
};

[[nodiscard]] std::string render_positions(const std::vector<Position>& positions);
// kCorrupt when a byte is wrong or missing.
[[nodiscard]] base::Result<std::vector<Position>> parse_positions(std::string_view text);

// One file of positions, locked while this object lives, also against others in this process. Not
// thread-safe.
class PositionFile {
 public:
  // The first of `name`, `name`-2, `name`-3... that nobody else holds; makes the directory. What is
  // damaged is set aside as <name>.bad, with the reason in `problem`.
  [[nodiscard]] static base::Result<PositionFile> open(const std::string& directory,
                                                       const std::string& name);

  [[nodiscard]] const std::vector<Position>& found() const { return found_; }
  [[nodiscard]] const std::optional<base::Error>& problem() const { return problem_; }
  // Takes the place of what was there: as a whole, synced, or not at all.
  [[nodiscard]] base::Status save(const std::vector<Position>& positions);

 private:
  PositionFile(base::Descriptor directory, std::string path, std::string name);
  [[nodiscard]] base::Result<bool> claim();
  [[nodiscard]] base::Result<bool> make();
  [[nodiscard]] base::Result<bool> lock(int descriptor) const;
  [[nodiscard]] std::string temporary() const { return "." + name_ + ".tmp"; }
  void read();

  base::Descriptor directory_;
  std::string path_;  // for messages
  std::string name_;
  base::Descriptor held_;  // the file that was found
  std::optional<base::NewFile> written_;
  std::vector<Position> found_;
  std::optional<base::Error> problem_;
};

}  // namespace holdfast::tail
