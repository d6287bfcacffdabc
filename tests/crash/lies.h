// A device that lies about a sync: sectors that were said to be durable are stale or garbled.
#pragma once

#include <deque>
#include <string>

#include "agent/base/random.h"
#include "tests/crash/disk_states.h"

namespace holdfast::crash {

// Spoils one to three sectors of `image`. `older`: what was durable after earlier syncs, from which
// dropped writes are taken. One superblock is always spared: without any head a ring is rightly
// refused. Returns what was done, in words.
std::string spoil(Bytes& image, const std::deque<Bytes>& older, base::Random& random);

}  // namespace holdfast::crash
