// Problems of the configuration: collecting and sorting them, and the nearest known name.
#include "config/diagnostics.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "config/listing.h"

namespace holdfast::config {
namespace {

char folded(char c) {
  return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Edits that turn one name into the other: a letter more, less or changed, or two neighbours
// swapped (optimal string alignment distance).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                           folded(a[i - 2]) == folded(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

// Short names must be closer, else everything resembles everything.
std::size_t allowed_distance(std::size_t length) {
  if (length < 4) return 1;
  return length < 9 ? 2 : 3;
}

}  // namespace

std::string Position::text() const {
  std::string out = file ? *file : std::string();
  if (line == 0) return out;
  if (!out.empty()) out += ':';
  out += fmt::format("{}", line);
  if (column != 0) out += fmt::format(":{}", column);
  return out;
}

std::string Diagnostic::text() const {
  const std::string place = where.text();
  return fmt::format("{}{}{}: {}", place, place.empty() ? "" : ": ",
                     severity == Severity::kError ? "error" : "warning", message);
}

void Diagnostics::add_file(std::shared_ptr<const std::string> file) {
  files_.push_back(std::move(file));
}

void Diagnostics::add_listing(std::shared_ptr<const Listing> listing) {
  listings_.push_back(std::move(listing));
}

Diagnostic& Diagnostics::error(Position where, std::string message) {
  return items_.emplace_back(Diagnostic{Severity::kError, std::move(where), std::move(message)});
}

Diagnostic& Diagnostics::warning(Position where, std::string message) {
  return items_.emplace_back(Diagnostic{Severity::kWarning, std::move(where), std::move(message)});
}

Diagnostic& Diagnostics::unsupported(Position where, const std::string& message) {
  if (skip_unsupported_) return warning(std::move(where), message + "; going on without it");
  return error(std::move(where), message);
}

bool Diagnostics::has_errors() const {
  return std::any_of(items_.begin(), items_.end(),
                     [](const Diagnostic& item) { return item.severity == Severity::kError; });
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  auto files = files_;
  for (const Diagnostic& item : items_) {
    if (std::find(files.begin(), files.end(), item.where.file) == files.end()) {
      if (item.where.file) files.push_back(item.where.file);
    }
  }
  // Not found, so after all others: a position without a file.
  const auto rank = [&files](const Diagnostic& item) {
    const auto at = std::find(files.begin(), files.end(), item.where.file);
    return std::make_tuple(at - files.begin(), item.where.line, item.where.column);
  };
  std::vector<Diagnostic> out = items_;
  std::stable_sort(out.begin(), out.end(),
                   [&rank](const Diagnostic& a, const Diagnostic& b) { return rank(a) < rank(b); });
  const auto same = [&rank](const Diagnostic& a, const Diagnostic& b) {
    return rank(a) == rank(b) && a.severity == b.severity && a.message == b.message;
  };
  out.erase(std::unique(out.begin(), out.end(), same), out.end());
  return out;
}

std::string Diagnostics::excerpt(const Diagnostic& item) const {
  const auto listing = std::find_if(listings_.begin(), listings_.end(), [&item](const auto& other) {
    return other->file() == item.where.file;
  });
  if (!item.where.file || listing == listings_.end()) return {};
  return (*listing)->excerpt(item.where, item.shows_value);
}

std::string_view nearest_name(std::string_view name, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t best_distance = allowed_distance(name.size()) + 1;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    // A distance of the whole name would mean that nothing of it is left.
    if (distance >= best_distance || distance >= std::max(name.size(), candidate.size())) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string_view>& known) {
  const std::string_view near = nearest_name(name, known);
  return near.empty() ? std::string() : fmt::format("; did you mean `{}`?", near);
}

}  // namespace holdfast::config
