#include "tests/kills/load.h"

#include <cmath>
#include <utility>

#include <fmt/core.h>

#include "tests/support/gzip.h"
#include "tests/support/http_exchange.h"

namespace holdfast::kills {
namespace {

constexpr std::int64_t kFirstTimeNs = 1'700'000'000'000'000'000;
constexpr double kFewestLines = 10;
constexpr double kMostLines = 5000;
constexpr auto kLook = std::chrono::milliseconds(5);

// As many posts of 10 to 100 lines as of 100 to 1000.
std::uint64_t pick_size(std::mt19937_64& random) {
  std::uniform_real_distribution<double> exponent(std::log(kFewestLines), std::log(kMostLines));
  return static_cast<std::uint64_t>(std::lround(std::exp(exponent(random))));
}

}  // namespace

Load::Load(LoadOptions options) : options_(std::move(options)) {
  for (int i = 0; i < options_.clients; ++i) {
    const std::uint64_t seed = options_.seed * 1000 + static_cast<std::uint64_t>(i);
    clients_.emplace_back([this, seed](const std::stop_token& stop) { run(stop, seed); });
  }
}

void Load::open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
  opened_.notify_all();
}

void Load::close() {
  const std::lock_guard lock(mutex_);
  open_ = false;
}

void Load::stop() {
  for (std::jthread& client : clients_) client.request_stop();
  clients_.clear();
}

std::vector<Post> Load::posts() const {
  const std::lock_guard lock(mutex_);
  return posts_;
}

void Load::run(const std::stop_token& stop, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<int> pauses(0, options_.longest_pause_ms);
  const auto never = [] { return false; };
  while (true) {
    std::unique_lock lock(mutex_);
    if (!opened_.wait(lock, stop, [this] { return open_; })) return;
    if (!options_.may_post()) {
      (void)opened_.wait_for(lock, stop, kLook, never);
      continue;
    }
    lock.unlock();
    const bool answered = post(random).status != 0;
    const auto pause = answered ? std::chrono::milliseconds(pauses(random)) : kLook;
    lock.lock();
    (void)opened_.wait_for(lock, stop, pause, never);
  }
}

Post Load::post(std::mt19937_64& random) {
  Post post;
  post.count = pick_size(random);
  post.first = next_.fetch_add(post.count);
  const std::string text = lines(post, random);
  const bool packed = random() % 2 == 0;
  post.status = test::http_exchange(options_.address, "POST", "/write?db=any",
                                    packed ? test::gzip(text) : text,
                                    packed ? "Content-Encoding: gzip\r\n" : "")
                    .status;
  const std::lock_guard lock(mutex_);
  posts_.push_back(post);
  if (post.acknowledged()) acknowledged_ += post.count;
  return post;
}

// The noise does not compress: so the ring goes round.
std::string Load::lines(const Post& post, std::mt19937_64& random) const {
  std::string text;
  for (std::uint64_t n = post.first; n < post.first + post.count; ++n) {
    text += fmt::format("feed,src=kills seq={}i,noise=\"{:x}\" {}\n", n, random(),
                        kFirstTimeNs + static_cast<std::int64_t>(n) * 1000);
  }
  return text;
}

}  // namespace holdfast::kills
