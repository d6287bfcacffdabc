// Sample configuration and documentation tables, from the same declarations that parse it.
#include "config/sample.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace holdfast::config {
namespace {

constexpr std::size_t kSampleWidth = 90;

std::string shown_default(const OptionInfo& option) {
  return option.rules.secret ? "\"\"" : option.default_value;
}

// What has no default gets an example, its own name if there is no better one.
std::string sample_value(const OptionInfo& option) {
  const std::string shown = shown_default(option);
  if (!option.rules.required || shown != "\"\"") return shown;
  const std::string_view example = option.rules.example;
  return fmt::format("\"{}\"", example.empty() ? option.name : example);
}

// A bound in the option's own unit: "1m30s", "1MiB", "5".
std::string shown_bound(const OptionInfo& option, double bound) {
  if (option.type == "duration") {
    const auto duration = duration_from_seconds(bound);
    if (duration) return exact_duration(*duration);
  }
  if (option.type == "size") return exact_bytes(static_cast<std::uint64_t>(bound));
  return fmt::format("{}", bound);
}

// "At least 1s." and the like; empty without bounds.
std::string bounds_sentence(const OptionInfo& option) {
  const auto& min = option.rules.min;
  const auto& max = option.rules.max;
  if (min && max) {
    return fmt::format(" From {} to {}.", shown_bound(option, *min), shown_bound(option, *max));
  }
  if (min) return fmt::format(" At least {}.", shown_bound(option, *min));
  if (max) return fmt::format(" At most {}.", shown_bound(option, *max));
  return {};
}

// Help, bounds, choices and whether the option must be given, in one paragraph.
std::string meaning(const OptionInfo& option) {
  std::string out = option.help;
  if (!out.empty() && std::string_view(".!?:").find(out.back()) == std::string_view::npos) {
    out += '.';
  }
  out += bounds_sentence(option);
  if (!option.rules.choices.empty()) {
    std::vector<std::string> choices;
    for (const std::string_view choice : option.rules.choices) choices.push_back(quoted(choice));
    out += fmt::format(" One of {}.", fmt::join(choices, ", "));
  }
  if (option.rules.required) out += " Required.";
  return out;
}

// Breaks at blanks so that no line is longer than the sample's width, if words allow.
std::string wrapped(std::string_view text, std::string_view prefix) {
  std::string out;
  std::string line(prefix);
  const auto finish = [&out, &line, prefix] {
    out += line + '\n';
    line = prefix;
  };
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    if (line.size() + 1 + word.size() > kSampleWidth && line.size() > prefix.size()) finish();
    if (!word.empty()) {
      line += ' ';
      line += word;
    }
    const bool ends_line = word.size() < text.size() && text[word.size()] == '\n';
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (ends_line) finish();
  }
  if (line.size() > prefix.size()) finish();
  return out;
}

std::string table_cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string markdown_meaning(const OptionInfo& option) {
  std::string out = meaning(option);
  if (!option.rules.no_effect.empty()) {
    out += fmt::format(" Accepted without effect: {}.", option.rules.no_effect);
  }
  for (const std::string_view old_name : option.rules.old_names) {
    out += fmt::format(" Old name: `{}`.", old_name);
  }
  return out;
}

}  // namespace

std::string sample_options(const std::vector<OptionInfo>& options, std::string_view indent) {
  std::string out;
  for (const OptionInfo& option : options) {
    if (!option.rules.no_effect.empty()) continue;
    if (!out.empty()) out += '\n';
    out += wrapped(meaning(option), fmt::format("{}##", indent));
    out += fmt::format("{}{}{} = {}\n", indent, option.rules.required ? "" : "# ", option.name,
                       sample_value(option));
  }
  return out;
}

std::string sample_section(std::string_view header, std::string_view summary,
                           const std::vector<OptionInfo>& options) {
  return fmt::format("{}{}\n{}", wrapped(summary, "#"), header, sample_options(options, "  "));
}

std::string markdown_table(const std::vector<OptionInfo>& options) {
  std::string out = "| option | type | default | meaning |\n| --- | --- | --- | --- |\n";
  for (const OptionInfo& option : options) {
    out += fmt::format("| `{}` | {} | `{}` | {} |\n", option.name, option.type,
                       table_cell(shown_default(option)), table_cell(markdown_meaning(option)));
  }
  return out;
}

std::string fill_markers(std::string_view text, std::string_view name, std::string_view table) {
  const std::string open = fmt::format("<!-- options:{} -->\n", name);
  const std::size_t begin = text.find(open);
  if (begin == std::string_view::npos) return std::string(text);
  const std::size_t inside = begin + open.size();
  const std::size_t end = text.find("<!-- /options -->", inside);
  if (end == std::string_view::npos) return std::string(text);
  const bool needs_line_end = !table.empty() && table.back() != '\n';
  return fmt::format("{}{}{}{}", text.substr(0, inside), table, needs_line_end ? "\n" : "",
                     text.substr(end));
}

}  // namespace holdfast::config
