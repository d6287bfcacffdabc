#include "inputs/tail/positions.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

namespace holdfast::tail {
namespace {

constexpr std::string_view kTitle = "holdfast tail positions 1\n";
constexpr std::string_view kSum = "crc32 ";
constexpr int kMaxFiles = 100;  // inputs with equal names

std::uint32_t sum_of(std::string_view text) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

std::string escaped(const std::string& path) {
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '%' || byte < 0x20 || byte == 0x7f) {
      out += fmt::format("%{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

template <class Number>
bool read_number(std::string_view text, Number& out, int base = 10) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return problem == std::errc() && end == text.data() + text.size();
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    std::uint8_t byte = 0;
    if (text.size() - i < 3 || !read_number(text.substr(i + 1, 2), byte, 16)) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

std::string_view take_until(std::string_view& rest, char end) {
  const std::size_t at = std::min(rest.find(end), rest.size());
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return part;
}

std::optional<Position> parse_line(std::string_view line) {
  Position out;
  const bool good = read_number(take_until(line, ' '), out.mark.id.device) &&
                    read_number(take_until(line, ' '), out.mark.id.inode) &&
                    read_number(take_until(line, ' '), out.mark.offset) &&
                    read_number(take_until(line, ' '), out.mark.fingerprint, 16) &&
                    read_number(take_until(line, ' '), out.mark.changed_ns) &&
                    read_number(take_until(line, ' '), out.seen_s);
  auto path = unescaped(line);
  if (!good || !path || path->empty()) return std::nullopt;
  out.path = std::move(*path);
  return out;
}

base::Result<std::string> read_whole(int descriptor) {
  std::string text;
  std::array<char, 65536> room{};
  while (true) {
    const ssize_t got = ::read(descriptor, room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail_errno("read", errno);
    if (got == 0) return text;
    text.append(room.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

std::string render_positions(const std::vector<Position>& positions) {
  std::string text(kTitle);
  for (const Position& one : positions) {
    text += fmt::format("{} {} {} {:x} {} {} {}\n", one.mark.id.device, one.mark.id.inode,
                        one.mark.offset, one.mark.fingerprint, one.mark.changed_ns, one.seen_s,
                        escaped(one.path));
  }
  return text + fmt::format("{}{:08x}\n", kSum, sum_of(text));
}

base::Result<std::vector<Position>> parse_positions(std::string_view text) {
  const auto damaged = [](std::string_view what) {
    return base::fail(base::ErrorCode::kCorrupt, "{}", what);
  };
  const std::string_view whole = text;
  if (!text.starts_with(kTitle)) return damaged("it does not begin as one");
  take_until(text, '\n');
  std::vector<Position> positions;
  while (!text.empty() && !text.starts_with(kSum)) {
    auto one = parse_line(take_until(text, '\n'));
    if (!one) return damaged("a line in it is none of its kind");
    positions.push_back(std::move(*one));
  }
  const std::string_view summed = whole.substr(0, whole.size() - text.size());
  if (text != fmt::format("{}{:08x}\n", kSum, sum_of(summed))) return damaged("its sum is wrong");
  return positions;
}

PositionFile::PositionFile(base::Descriptor directory, std::string path, std::string name)
    : directory_(std::move(directory)), path_(std::move(path)), name_(std::move(name)) {}

base::Result<PositionFile> PositionFile::open(const std::string& directory,
                                              const std::string& name) {
  std::error_code ignored;  // what is wrong shows when it is opened
  std::filesystem::create_directories(directory, ignored);
  for (int number = 1; number <= kMaxFiles; ++number) {
    base::Descriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.valid()) return base::fail_errno("open " + directory, errno);
    const std::string own = number == 1 ? name : fmt::format("{}-{}", name, number);
    PositionFile file(std::move(folder), directory + "/" + own, own);
    const auto claimed = file.claim();
    if (!claimed) return tl::unexpected(claimed.error());
    if (*claimed) return file;
  }
  return base::fail(base::ErrorCode::kBusy, "{}/{}: held by too many others", directory, name);
}

// False if somebody else has it.
base::Result<bool> PositionFile::claim() {
  while (true) {
    base::Descriptor file(
        ::openat(directory_.get(), name_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file.valid()) {
      if (errno != ENOENT) return base::fail_errno("open " + path_, errno);
      return make();
    }
    const auto locked = lock(file.get());
    if (!locked || !*locked) return locked;
    // Its holder may have replaced it since it was opened: then the name leads elsewhere.
    struct stat mine {};
    struct stat named {};
    if (::fstat(file.get(), &mine) != 0 ||
        ::fstatat(directory_.get(), name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 ||
        mine.st_ino != named.st_ino) {
      continue;
    }
    held_ = std::move(file);
    read();
    if (problem_) return make();
    return true;
  }
}

base::Result<bool> PositionFile::lock(int descriptor) const {
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return base::fail_errno("lock " + path_, errno);
}

// The file, where there is none. What a crash has left of one in the making is nobody's.
base::Result<bool> PositionFile::make() {
  const base::Descriptor left(
      ::openat(directory_.get(), temporary().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (left.valid()) {
    const auto locked = lock(left.get());
    if (!locked || !*locked) return locked;
    (void)::unlinkat(directory_.get(), temporary().c_str(), 0);
  }
  const auto made = save({});
  if (made) return true;
  if (made.error().code == base::ErrorCode::kBusy) return false;
  return tl::unexpected(made.error());
}

void PositionFile::read() {
  auto text = read_whole(held_.get());
  auto positions = text ? parse_positions(*text)
                        : base::Result<std::vector<Position>>(tl::unexpected(text.error()));
  if (positions) {
    found_ = std::move(*positions);
    return;
  }
  problem_ = base::Error{positions.error().code, path_ + ": " + positions.error().message};
  (void)::renameat(directory_.get(), name_.c_str(), directory_.get(), (name_ + ".bad").c_str());
}

base::Status PositionFile::save(const std::vector<Position>& positions) {
  // Left over from a crash: who holds the file is alone with its name.
  if (held_.valid() || written_) (void)::unlinkat(directory_.get(), temporary().c_str(), 0);
  const auto named = [&](const base::Error& error) {
    return tl::unexpected(base::Error{error.code, path_ + ": " + error.message});
  };
  auto file = base::NewFile::create(directory_.get(), temporary());
  if (!file) return named(file.error());
  if (auto written = file->write_and_sync(render_positions(positions)); !written) {
    return named(written.error());
  }
  if (auto published = file->publish(name_); !published) return named(published.error());
  written_.emplace(std::move(*file));
  held_ = {};
  return base::ok();
}

}  // namespace holdfast::tail
