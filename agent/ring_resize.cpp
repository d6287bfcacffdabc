// The files of a resize: one made under another name, then renamed over the ring.
#include "agent/ring_resize.h"

#include <utility>

#include "config/units.h"

namespace holdfast::agent {
namespace {

using buffer::PosixFile;

struct Made {
  std::unique_ptr<PosixFile> file;
  buffer::Resized numbers;
};

// The new ring, complete and durable, in its place. It is locked before it gets there, so that
// nobody can take it between the two.
base::Result<Made> make(PosixFile& old, const std::string& path, std::uint64_t size,
                        const base::Clock& clock, const base::Logger& log) {
  auto file = PosixFile::create_locked(resize_path(path));
  if (!file) return tl::unexpected(file.error());
  const auto numbers = buffer::copy_ring(old, **file, size, clock, base::Random::from_system());
  if (!numbers) return tl::unexpected(numbers.error());
  if (auto renamed = (*file)->rename_to(path); !renamed) return tl::unexpected(renamed.error());
  if (auto synced = (*file)->sync_directory(); !synced) {
    log.warn("ring {}: resized, but a power cut may bring back the old one: {}", path,
             synced.error().message);
  }
  return Made{std::move(*file), *numbers};
}

void remove_leftover(const std::string& path, const base::Logger& log) {
  if (auto removed = PosixFile::remove_unlocked(resize_path(path)); !removed) {
    log.warn("{}", removed.error().message);
  }
}

}  // namespace

std::string resize_path(const std::string& ring_path) { return ring_path + ".new"; }

SizedFile with_size(std::unique_ptr<PosixFile> file, const std::string& path, std::uint64_t size,
                    const base::Clock& clock, const base::Logger& log) {
  remove_leftover(path, log);
  const auto old_size = buffer::other_size(*file, size);
  if (!old_size) return {std::move(file), std::nullopt};
  auto made = make(*file, path, size, clock, log);
  if (!made) {
    log.warn("ring {}: stays at {}, though [buffer] size is {}: {}; tried again at the next start",
             path, config::format_bytes(*old_size), config::format_bytes(size),
             made.error().message);
    remove_leftover(path, log);
    return {std::move(file), std::nullopt};
  }
  log.info("ring {}: resized from {} to {}, {} points kept, {} points dropped", path,
           config::format_bytes(made->numbers.from_bytes),
           config::format_bytes(made->numbers.to_bytes), made->numbers.points_kept,
           made->numbers.points_dropped);
  return {std::move(made->file), made->numbers};
}

}  // namespace holdfast::agent
