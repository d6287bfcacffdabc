// Parsers of the kernel's two forms of the mount table.
#include "inputs/mounts.h"

#include <optional>
#include <utility>

#include "inputs/scan.h"

namespace holdfast::inputs {
namespace {

std::vector<std::string> split_options(std::string_view text) {
  std::vector<std::string> options;
  while (!text.empty()) {
    const auto comma = text.find(',');
    options.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return options;
}

// "36 35 98:0 /subtree /path rw,noatime [optional fields] - ext3 /dev/root rw,errors=continue"
std::optional<Mount> parse_mountinfo_line(std::string_view line) {
  const auto dash = line.find(" - ");
  if (dash == std::string_view::npos) return std::nullopt;
  std::string_view left = line.substr(0, dash);
  std::string_view right = line.substr(dash + 3);
  const auto id = parse_u64(next_word(left));
  const auto parent = parse_u64(next_word(left));
  Mount mount;
  mount.device_id = next_word(left);
  const auto subtree = next_word(left);
  mount.path = unescape_octal(next_word(left));
  const auto options = next_word(left);
  mount.options = split_options(options);
  mount.fs_type = next_word(right);
  mount.source = unescape_octal(next_word(right));
  if (!id || !parent || mount.path.empty() || options.empty() || mount.fs_type.empty()) {
    return std::nullopt;
  }
  if (subtree != "/") mount.options.emplace_back("bind");
  return mount;
}

// "/dev/sda1 /path ext4 rw,relatime 0 0"
std::optional<Mount> parse_mounts_line(std::string_view line) {
  Mount mount;
  mount.source = unescape_octal(next_word(line));
  mount.path = unescape_octal(next_word(line));
  mount.fs_type = next_word(line);
  mount.options = split_options(next_word(line));
  if (mount.options.empty()) return std::nullopt;
  return mount;
}

template <class ParseLine>
base::Result<std::vector<Mount>> parse_lines(std::string_view text, std::string_view expected,
                                             ParseLine parse_line) {
  std::vector<Mount> mounts;
  std::string_view line;
  while (next_line(text, line)) {
    auto mount = parse_line(line);
    if (!mount) {
      return base::fail(base::ErrorCode::kCorrupt, "expected `{}`, found `{}`", expected,
                        excerpt(line));
    }
    mounts.push_back(std::move(*mount));
  }
  if (mounts.empty()) {
    return base::fail(base::ErrorCode::kCorrupt, "expected lines `{}`, found none", expected);
  }
  return mounts;
}

}  // namespace

std::string unescape_octal(std::string_view text) {
  constexpr std::size_t kDigits = 3;
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto code = text.front() == '\\' && text.size() > kDigits
                          ? parse_integer<std::uint32_t>(text.substr(1, kDigits), 8)
                          : std::nullopt;
    if (code && *code <= 0xFF) {
      out += static_cast<char>(static_cast<unsigned char>(*code));
      text.remove_prefix(1 + kDigits);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

base::Result<std::vector<Mount>> parse_mountinfo(std::string_view text) {
  return parse_lines(
      text, "<id> <parent> <major:minor> <root> <mount point> <options> ... - <type> <source> ...",
      parse_mountinfo_line);
}

base::Result<std::vector<Mount>> parse_mounts(std::string_view text) {
  return parse_lines(text, "<source> <mount point> <type> <options> ...", parse_mounts_line);
}

}  // namespace holdfast::inputs
