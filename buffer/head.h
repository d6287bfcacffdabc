// The head of a ring file that is being made: a superblock of its own, and writing it.
#pragma once

#include <cstdint>

#include "agent/base/clock.h"
#include "agent/base/random.h"
#include "agent/base/result.h"
#include "buffer/file.h"
#include "buffer/format.h"

namespace holdfast::buffer {

// For a new file of at most `size` bytes: a salt and a uuid that no other file has. kInvalid when
// the data area would be smaller than kMinDataSize.
[[nodiscard]] base::Result<Superblock> new_superblock(std::uint64_t size, const base::Clock& clock,
                                                      base::Random& random);

// Writes both copies. What they announce must be durable before; the caller syncs afterwards.
[[nodiscard]] base::Status write_superblocks(File& file, const Superblock& superblock);

}  // namespace holdfast::buffer
