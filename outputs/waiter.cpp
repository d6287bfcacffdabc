// A timerfd on CLOCK_BOOTTIME for the deadline and an eventfd for being woken.
#include "outputs/waiter.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace holdfast::outputs {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

class BootWaiter final : public Waiter {
 public:
  BootWaiter(Descriptor timer, Descriptor event)
      : timer_(std::move(timer)), event_(std::move(event)) {}

  void wait_until(base::BootTime deadline) override {
    arm(deadline);
    std::array<pollfd, 2> ready{pollfd{timer_.get(), POLLIN, 0}, pollfd{event_.get(), POLLIN, 0}};
    // An interrupted wait is an early return, which the contract allows.
    (void)::poll(ready.data(), ready.size(), -1);
    clear(timer_.get());
    clear(event_.get());
  }

  void wake() override {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the waiter is awake already.
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
  }

 private:
  void arm(base::BootTime deadline) {
    // Zero would disarm the timer: the past is one nanosecond after boot.
    const std::int64_t ns = std::max<std::int64_t>(1, deadline.time_since_epoch().count());
    itimerspec spec{};
    spec.it_value.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
    spec.it_value.tv_nsec = static_cast<long>(ns % 1'000'000'000);
    (void)::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
  }

  static void clear(int fd) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t size = ::read(fd, &count, sizeof count);
  }

  Descriptor timer_;
  Descriptor event_;
};

}  // namespace

base::Result<std::unique_ptr<Waiter>> make_boot_waiter() {
  Descriptor timer(::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer.valid()) return base::fail_errno("create a timer", errno);
  Descriptor event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!event.valid()) return base::fail_errno("create an event descriptor", errno);
  return std::make_unique<BootWaiter>(std::move(timer), std::move(event));
}

}  // namespace holdfast::outputs
