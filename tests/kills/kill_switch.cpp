// Loaded into the agent by LD_PRELOAD: counts its calls on the ring file and kills it, as kill -9
// does, at the one that the page asks for. The agent itself knows nothing of it.
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buffer/format.h"
#include "tests/kills/kill_page.h"

namespace {

using holdfast::buffer::kDataOffset;
using holdfast::buffer::kHeaderSize;
using holdfast::buffer::kSlotOffsets;
using holdfast::buffer::kSlotSize;
using holdfast::kills::Call;
using holdfast::kills::KillPage;
using holdfast::kills::Phase;

constexpr std::size_t kPointsAt = 24;  // in a block's header

KillPage* open_page() {
  const char* const path = std::getenv(holdfast::kills::kPageVariable);
  if (path == nullptr) return nullptr;
  const int descriptor = ::open(path, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return nullptr;
  void* const memory =
      ::mmap(nullptr, sizeof(KillPage), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  ::close(descriptor);
  return memory == MAP_FAILED ? nullptr : static_cast<KillPage*>(memory);
}

KillPage* page() {
  static KillPage* const opened = open_page();
  return opened;
}

bool is_ring(int descriptor) {
  static const char* const path = std::getenv(holdfast::kills::kRingVariable);
  struct stat file {};
  struct stat ring {};
  return page() != nullptr && path != nullptr && ::fstat(descriptor, &file) == 0 &&
         ::stat(path, &ring) == 0 && file.st_dev == ring.st_dev && file.st_ino == ring.st_ino;
}

template <class Function>
Function* next_one(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

void count(std::array<std::atomic<std::uint64_t>, holdfast::kills::kCalls>& counts, Call call) {
  ++counts[index_of(call)];
}

[[noreturn]] void die(Call call, Phase phase) {
  page()->died_at = phase;
  page()->died_in = call;
  ::kill(::getpid(), SIGKILL);
  while (true) ::pause();
}

// Where in this call to die.
Phase due(Call call) {
  KillPage& shared = *page();
  if (shared.countdown <= 0 || shared.call != call) return Phase::kNone;
  return shared.countdown.fetch_sub(1) == 1 ? shared.phase.load() : Phase::kNone;
}

Call purpose_of_write(off_t at) {
  const auto offset = static_cast<std::uint64_t>(at);
  if (offset >= kDataOffset) return Call::kAppend;
  const bool slot = offset >= kSlotOffsets[0] && offset < kSlotOffsets[1] + kSlotSize;
  return slot ? Call::kSlot : Call::kHead;
}

std::uint32_t points_of(const void* block, std::size_t size) {
  std::uint32_t points = 0;
  if (size >= kHeaderSize) {
    std::memcpy(&points, static_cast<const char*>(block) + kPointsAt, sizeof points);
  }
  return points;
}

template <class Write>
ssize_t watched_write(Write* write, int descriptor, const void* bytes, std::size_t size,
                      off_t offset) {
  if (!is_ring(descriptor)) return write(descriptor, bytes, size, offset);
  const Call call = purpose_of_write(offset);
  KillPage& shared = *page();
  count(shared.begun, call);
  if (call == Call::kAppend) shared.points_in_append = points_of(bytes, size);
  const Phase phase = due(call);
  if (phase == Phase::kBefore) die(call, phase);
  if (phase == Phase::kHalf) size /= 2;
  const ssize_t written = write(descriptor, bytes, size, offset);
  if (phase != Phase::kNone) die(call, phase);
  if (call == Call::kAppend) {
    shared.bytes_appended += size;
    shared.points_in_append = 0;
  }
  count(shared.done, call);
  return written;
}

// A call that has no halves.
template <class Work>
auto watched(Call call, int descriptor, Work work) {
  if (!is_ring(descriptor)) return work();
  count(page()->begun, call);
  const Phase phase = due(call);
  if (phase == Phase::kBefore) die(call, phase);
  const auto result = work();
  if (phase != Phase::kNone) die(call, phase);
  count(page()->done, call);
  return result;
}

}  // namespace

extern "C" {

ssize_t pwrite(int descriptor, const void* bytes, std::size_t size, off_t offset) {
  static auto* const next = next_one<decltype(pwrite)>("pwrite");
  return watched_write(next, descriptor, bytes, size, offset);
}

ssize_t pwrite64(int descriptor, const void* bytes, std::size_t size, off64_t offset) {
  static auto* const next = next_one<decltype(pwrite64)>("pwrite64");
  return watched_write(next, descriptor, bytes, size, offset);
}

ssize_t pread(int descriptor, void* bytes, std::size_t size, off_t offset) {
  static auto* const next = next_one<decltype(pread)>("pread");
  return watched(Call::kRead, descriptor, [&] { return next(descriptor, bytes, size, offset); });
}

ssize_t pread64(int descriptor, void* bytes, std::size_t size, off64_t offset) {
  static auto* const next = next_one<decltype(pread64)>("pread64");
  return watched(Call::kRead, descriptor, [&] { return next(descriptor, bytes, size, offset); });
}

int fdatasync(int descriptor) {
  static auto* const next = next_one<decltype(fdatasync)>("fdatasync");
  return watched(Call::kSync, descriptor, [&] { return next(descriptor); });
}
}
