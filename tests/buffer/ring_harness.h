// Numbered points for ring tests: blocks whose lines carry consecutive numbers, so that a test sees
// at once what is missing, doubled or out of order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "buffer/ring.h"
#include "tests/support/fake_clock.h"
#include "tests/support/recording_file.h"

namespace holdfast::test {

// A raw block of `points` lines numbered from `first`, each about `line_bytes` long.
[[nodiscard]] buffer::Block numbered_block(std::uint64_t first, std::uint32_t points,
                                           std::size_t line_bytes = 16);

// The numbers of the lines that a batch hands out, lines to skip left out.
[[nodiscard]] std::vector<std::uint64_t> numbers_of(const buffer::ReadBatch& batch);

// The lines of one block of a batch.
[[nodiscard]] std::string inflated(const buffer::ReadBatch& batch, const buffer::ReadBlock& block);

// first, first + 1, ... last - 1.
[[nodiscard]] std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t last);

// Everything pending for a reader, acknowledged as it is read.
[[nodiscard]] std::vector<std::uint64_t> drain(buffer::Ring& ring, buffer::ReaderId reader);

[[nodiscard]] std::unique_ptr<buffer::Ring> open_ring(std::unique_ptr<buffer::File> file,
                                                      const base::Clock& clock,
                                                      buffer::RingOptions options);

// Options for a ring whose data area has this many bytes.
[[nodiscard]] buffer::RingOptions small_ring(std::uint64_t data_bytes);

}  // namespace holdfast::test
