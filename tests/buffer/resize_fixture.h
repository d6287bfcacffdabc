// A ring on a recorded file, and copies of it in other sizes.
#pragma once

#include <string_view>

#include "buffer/resize.h"
#include "tests/buffer/ring_fixture.h"

namespace holdfast::test {

struct ResizedImage {
  Bytes image;
  buffer::Resized numbers;
};

class ResizeFixture : public RingFixture {
 protected:
  // The bytes of a ring, copied into one with a data area of `data_bytes`. The old bytes must not
  // change by that.
  [[nodiscard]] ResizedImage resized(const Bytes& old, std::uint64_t data_bytes) const {
    buffer::MemoryFile from(old);
    buffer::MemoryFile to;
    const auto copied = buffer::copy_ring(from, to, buffer::kDataOffset + data_bytes, clock_,
                                          base::Random(random_seed_));
    EXPECT_TRUE(copied.has_value()) << (copied ? "" : copied.error().message);
    EXPECT_TRUE(from.content() == old);
    return {to.content(), copied.value_or(buffer::Resized{})};
  }

  [[nodiscard]] OpenImage open(const Bytes& image) const {
    return open_image(image, clock_, options_);
  }

  // What is pending for the reader in a copy of the image.
  [[nodiscard]] std::vector<std::uint64_t> pending_in(const Bytes& image,
                                                      std::string_view id) const {
    const auto opened = open(image);
    return drain(*opened.ring, *opened.ring->attach(id));
  }

  void acknowledge(std::string_view id, std::uint64_t points, const buffer::Outcome& outcome = {}) {
    const auto reader = *ring_->attach(id);
    const auto batch = ring_->read(reader, {}, 0);
    ASSERT_TRUE(batch);
    ring_->acknowledge(reader, points, outcome);
  }

  std::uint64_t random_seed_ = 4711;
};

}  // namespace holdfast::test
