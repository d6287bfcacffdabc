// Reading datagrams. A sender on UDP is never told: what does not fit is thrown away, by the kernel
// or here, and counted. On a unix socket the sender waits, so reading pauses instead.
#include "inputs/sockets/datagrams.h"

#include <array>
#include <cerrno>
#include <utility>

#include <fmt/core.h>
#include <sys/socket.h>

#include <asio/post.hpp>

namespace holdfast::sockets {
namespace {

constexpr std::size_t kSlots = 32;
// The largest datagram of UDP fits; one of a unix socket may be larger.
constexpr std::size_t kSlotBytes = std::size_t{64} * 1024;
// Reads in a row before others get their turn on the I/O thread.
constexpr int kRoundsPerWakeUp = 8;
// At the end what has arrived is read, but a sender that goes on does not keep us.
constexpr int kRoundsAtStop = 4096;
// What an entry costs besides its bytes.
constexpr std::size_t kEntryBytes = 48;

}  // namespace

// Pages of the slots that no datagram has reached cost nothing.
struct DatagramReceiver::Slots {
  std::unique_ptr<char[]> bytes{new char[kSlots * kSlotBytes]};  // NOLINT: left uninitialised
  std::array<mmsghdr, kSlots> headers{};
  std::array<iovec, kSlots> places{};
  std::array<sockaddr_storage, kSlots> names{};

  // For the next read: the kernel overwrites lengths.
  void reset() {
    for (std::size_t i = 0; i < kSlots; ++i) {
      places[i] = {bytes.get() + i * kSlotBytes, kSlotBytes};
      msghdr& header = headers[i].msg_hdr;
      header = {};
      header.msg_iov = &places[i];
      header.msg_iovlen = 1;
      header.msg_name = &names[i];
      header.msg_namelen = sizeof(names[i]);
      names[i].ss_family = AF_UNSPEC;
    }
  }
};

DatagramReceiver::DatagramReceiver(asio::io_context& io, BoundSocket socket, ServerOptions options,
                                   ServerHandlers handlers,
                                   std::shared_ptr<ServerCounters> counters)
    : io_(io),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      counters_(std::move(counters)),
      socket_(std::move(socket)),
      descriptor_(io, socket_.descriptor()),
      slots_(std::make_unique<Slots>()) {}

DatagramReceiver::~DatagramReceiver() {
  if (descriptor_.is_open()) descriptor_.release();
}

void DatagramReceiver::wait() {
  descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                         [self = shared_from_this()](const std::error_code& error) {
                           if (error || self->stopped_) return;
                           self->read_all(kRoundsPerWakeUp);
                           self->report();
                           if (!self->paused_) self->wait();
                         });
}

void DatagramReceiver::read_all(int most_rounds) {
  for (int round = 0; round < most_rounds; ++round) {
    // A round may overshoot: its datagrams have no other place to go.
    if (may_pause() && full()) {
      paused_ = true;
      break;
    }
    if (!read_some()) break;
  }
  if (!working_) work();
}

// False once there is nothing more for the moment.
bool DatagramReceiver::read_some() {
  slots_->reset();
  const int count =
      recvmmsg(socket_.descriptor(), slots_->headers.data(), kSlots, MSG_DONTWAIT, nullptr);
  if (count <= 0) return count < 0 && errno == EINTR;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const mmsghdr& header = slots_->headers[i];
    take({slots_->bytes.get() + i * kSlotBytes, header.msg_len}, IpAddress(slots_->names[i]),
         (header.msg_hdr.msg_flags & MSG_TRUNC) != 0);
  }
  return static_cast<std::size_t>(count) == kSlots;
}

void DatagramReceiver::take(std::string_view bytes, const IpAddress& source, bool truncated) {
  if (!options_.allowed_sources.allows(source)) {
    ++counters_->not_allowed;
  } else if (truncated) {
    ++counters_->oversized;
    ++oversized_;
  } else if (full() && !may_pause()) {
    ++counters_->queue_drops;
    ++queue_drops_;
  } else {
    ++counters_->datagrams;
    if (bytes.empty()) return;
    waiting_.entries.push_back({waiting_.bytes.size(), bytes.size(), source});
    waiting_.bytes.append(bytes);
  }
}

bool DatagramReceiver::full() const {
  const std::size_t count = waiting_.entries.size();
  return count >= options_.max_queued_datagrams ||
         waiting_.bytes.size() + count * kEntryBytes >= options_.max_queued_bytes;
}

bool DatagramReceiver::may_pause() const {
  return options_.address.transport == Transport::kUnixgram && !stopped_;
}

void DatagramReceiver::work() {
  if (waiting_.entries.empty()) return;
  working_ = true;
  // std::function copies, so the batch is shared.
  auto batch = std::make_shared<Batch>(std::exchange(waiting_, {}));
  handlers_.pool([self = shared_from_this(), batch = std::move(batch)] {
    std::vector<Datagram> datagrams;
    datagrams.reserve(batch->entries.size());
    const std::string_view bytes = batch->bytes;
    for (const Batch::Entry& entry : batch->entries) {
      datagrams.push_back({bytes.substr(entry.offset, entry.size), entry.source});
    }
    self->handlers_.datagrams(datagrams);
    asio::post(self->io_, [self] { self->worked(); });
  });
}

void DatagramReceiver::worked() {
  working_ = false;
  work();
  if (stopped_) {
    if (!working_) asio::post(io_, std::exchange(stopped_, [] {}));
  } else if (std::exchange(paused_, false)) {
    wait();
  }
}

void DatagramReceiver::report() {
  if (options_.address.transport == Transport::kUdp) {
    const std::uint32_t now = socket_.kernel_drops();
    const std::uint32_t drops = now - std::exchange(kernel_drops_seen_, now);
    counters_->kernel_drops += drops;
    if (drops > 0) {
      handlers_.problem({drops, fmt::format("{} datagrams lost: the kernel's receive buffer of {} "
                                            "bytes was full (read_buffer_size)",
                                            drops, socket_.read_buffer_bytes())});
    }
  }
  if (const std::uint64_t drops = std::exchange(queue_drops_, 0); drops > 0) {
    handlers_.problem(
        {drops,
         fmt::format("{} datagrams lost: they came faster than they could be parsed", drops)});
  }
  if (const std::uint64_t drops = std::exchange(oversized_, 0); drops > 0) {
    handlers_.problem({drops, fmt::format("{} datagrams lost: they were larger than {} bytes",
                                          drops, kSlotBytes)});
  }
}

void DatagramReceiver::stop(std::function<void()> stopped) {
  stopped_ = std::move(stopped);
  read_all(kRoundsAtStop);
  report();
  descriptor_.release();  // ends the wait
  socket_.close();
  if (!working_) asio::post(io_, std::exchange(stopped_, [] {}));
}

}  // namespace holdfast::sockets
