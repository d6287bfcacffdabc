// From bytes to points. Datagrams that the buffer refuses are lost, as they would be had they come
// later; connections wait until it takes what they brought, and their senders with them.
#include "inputs/socket_input.h"

#include <array>
#include <atomic>
#include <utility>

#include "inputs/gunzip.h"

namespace holdfast::inputs {
namespace {

constexpr base::Duration kProblemLogInterval = std::chrono::seconds(10);
// What a packed connection inflates at a time, before its points have to find room.
constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

}  // namespace

// What jobs and readers use; outlives them.
class SocketInput::Worker : public std::enable_shared_from_this<SocketInput::Worker> {
 public:
  Worker(const SocketInput& input, const ServiceContext& context)
      : setup_(input.setup_),
        messages_(input.messages_),
        clock_(input.clock_),
        log_(input.log_),
        context_(context),
        feed_(std::make_shared<Feed>(context, input.clock_, input.log_)) {
    if (setup_.server.address.datagrams()) datagram_parser_ = messages_.make_parser();
  }

  [[nodiscard]] sockets::ServerHandlers handlers() {
    sockets::ServerHandlers handlers;
    handlers.pool = context_.pool;
    handlers.datagrams = [self = shared_from_this()](std::span<const sockets::Datagram> datagrams) {
      self->take(datagrams);
    };
    handlers.connected = [self = shared_from_this()](const sockets::IpAddress& source) {
      return self->make_reader(source);
    };
    handlers.pausing = [self = shared_from_this()] { self->flush(); };
    handlers.problem = [self = shared_from_this()](const sockets::Problem& problem) {
      self->note(problem);
    };
    return handlers;
  }

  void close(std::function<void()> closed) { feed_->close(std::move(closed)); }

 private:
  class Reader;

  [[nodiscard]] std::unique_ptr<sockets::StreamReader> make_reader(
      const sockets::IpAddress& source);

  void take(std::span<const sockets::Datagram> datagrams) {
    Accumulator out = feed_->open();
    for (const sockets::Datagram& datagram : datagrams) {
      if (!setup_.gzip) {
        datagram_parser_->parse(datagram.bytes, datagram.source, out);
        continue;
      }
      const auto text = gunzip(datagram.bytes, setup_.max_decompressed_bytes);
      if (!text) {
        out.add_error(text.error());
      } else {
        datagram_parser_->parse(*text, datagram.source, out);
      }
    }
    feed_->submit(std::move(out), buffer::Origin::kGathered, WhenRefused::kDrop);
  }

  // A sender waits for the block in which its points are: there is no time for others to fill it.
  void flush() {
    if (flushing_.exchange(true)) return;
    context_.pool([self = shared_from_this()] {
      self->flushing_ = false;
      self->context_.sink.flush();
    });
  }

  void note(const sockets::Problem& problem) {
    context_.counters.errors += problem.count;
    context_.counters.set_last_error(problem.text);
    std::uint64_t before = 0;
    if (problem_throttle_.allow(clock_.boot(), before)) {
      log_.warn("{} ({} more such problems since the last warning)", problem.text, before);
    }
  }

  const SocketSetup setup_;
  const SocketMessages messages_;
  const base::Clock& clock_;
  base::Logger log_;
  const ServiceContext context_;
  const std::shared_ptr<Feed> feed_;
  std::unique_ptr<MessageParser> datagram_parser_;
  std::atomic<bool> flushing_{false};
  base::LogThrottle problem_throttle_{kProblemLogInterval};
};

// One connection.
class SocketInput::Worker::Reader final : public sockets::StreamReader {
 public:
  Reader(std::shared_ptr<Worker> worker, const sockets::IpAddress& source)
      : worker_(std::move(worker)),
        source_(source),
        parser_(worker_->messages_.make_parser()),
        splitter_(*worker_->messages_.framing, worker_->messages_.max_message_bytes) {
    if (worker_->setup_.gzip) gunzip_ = std::make_unique<Gunzip>();
  }

  [[nodiscard]] sockets::Reading read(std::string_view bytes,
                                      const sockets::Ticket& ticket) override {
    Accumulator out = worker_->feed_->open();
    const sockets::Reading result = gunzip_ == nullptr ? split(bytes, out) : inflate(bytes, out);
    submit(std::move(out), ticket);
    return result;
  }

  void end(sockets::StreamEnd why, const sockets::Ticket& ticket) override {
    Accumulator out = worker_->feed_->open();
    if (gunzip_ != nullptr && !gunzip_->between_members()) why = sockets::StreamEnd::kBroken;
    splitter_.finish(
        why, [&](std::string_view message) { parser_->parse(message, source_, out); },
        [&](const base::Error& error) { out.add_error(error); });
    submit(std::move(out), ticket);
  }

 private:
  [[nodiscard]] sockets::Reading split(std::string_view bytes, Accumulator& out) {
    return splitter_.feed(
        bytes, [&](std::string_view message) { parser_->parse(message, source_, out); },
        [&](const base::Error& error) { out.add_error(error); });
  }

  [[nodiscard]] sockets::Reading inflate(std::string_view bytes, Accumulator& out) {
    packed_.append(bytes);
    std::string text(kPieceBytes, '\0');
    std::string_view input = packed_;
    const auto got = gunzip_->read(input, text);
    if (!got) {
      out.add_error(got.error());
      return sockets::Reading::kBroken;
    }
    packed_.erase(0, packed_.size() - input.size());
    const auto result =
        *got == 0 ? sockets::Reading::kWaiting : split(std::string_view(text).substr(0, *got), out);
    if (result == sockets::Reading::kBroken || *got < kPieceBytes) return result;
    return sockets::Reading::kMore;
  }

  void submit(Accumulator out, const sockets::Ticket& ticket) {
    worker_->feed_->submit(std::move(out), buffer::Origin::kGathered, WhenRefused::kWait,
                           [ticket](bool) {});
  }

  const std::shared_ptr<Worker> worker_;
  const sockets::IpAddress source_;
  const std::unique_ptr<MessageParser> parser_;
  sockets::Splitter splitter_;
  std::unique_ptr<Gunzip> gunzip_;
  std::string packed_;  // read, not yet inflated
};

std::unique_ptr<sockets::StreamReader> SocketInput::Worker::make_reader(
    const sockets::IpAddress& source) {
  return std::make_unique<Reader>(shared_from_this(), source);
}

SocketInput::SocketInput(SocketSetup setup, SocketMessages messages, const InputContext& context)
    : setup_(std::move(setup)),
      messages_(std::move(messages)),
      clock_(context.clock),
      log_(context.log) {}

SocketInput::~SocketInput() = default;

base::Status SocketInput::start(const ServiceContext& context) {
  sockets::ServerOptions options = setup_.server;
  if (setup_.tls.enabled()) {
    auto loaded = tls::ServerContext::load(setup_.tls);
    if (!loaded) return tl::unexpected(loaded.error());
    options.tls = std::move(*loaded);
  }
  const auto worker = std::make_shared<Worker>(*this, context);
  auto server = sockets::Server::start(context.io, std::move(options), worker->handlers());
  if (!server) return tl::unexpected(server.error());
  worker_ = worker;
  server_ = std::move(*server);
  const sockets::Address& address = setup_.server.address;
  if (address.path.empty()) {
    log_.info("listening on {} (port {})", address.text, server_->port());
  } else {
    log_.info("listening on {}", address.text);
  }
  const std::uint64_t wanted = setup_.server.socket.read_buffer_bytes;
  if (wanted > server_->read_buffer_bytes()) {
    log_.warn("read_buffer_size is {} bytes, of which the system grants {} (net.core.rmem_max)",
              wanted, server_->read_buffer_bytes());
  }
  return base::ok();
}

void SocketInput::stop(std::function<void()> stopped) {
  server_->stop([this, stopped = std::move(stopped)]() mutable {
    server_.reset();
    std::exchange(worker_, nullptr)->close(std::move(stopped));
  });
}

}  // namespace holdfast::inputs
