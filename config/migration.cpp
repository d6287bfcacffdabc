// Replaces old names by the places the outline knows. See migration.h.
#include "config/migration.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "config/outline.h"
#include "config/telegraf_plugins.h"

namespace holdfast::config {
namespace {

using Names = std::vector<std::string>;

struct Edit {
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string text;
};

Names names_of(const KeyParts& parts) {
  Names out;
  for (const KeyPart& part : parts) out.push_back(part.text);
  return out;
}

bool is_category(std::string_view name) { return name == "inputs" || name == "outputs"; }

// The path as it is called today: [plugins.x] and [x] are [inputs.x], [tags] is [global_tags], and
// plugins have new names.
Names current_path(Names path) {
  if (path.empty()) return path;
  if (path[0] == "plugins") {
    path[0] = "inputs";
  } else if (path[0] == "tags") {
    path[0] = "global_tags";
  } else if (is_telegraf_plugin("inputs", path[0])) {
    path.insert(path.begin(), "inputs");
  }
  if (path.size() > 1) path[1] = current_plugin_name(path[0], path[1]);
  return path;
}

class Migrator {
 public:
  Migrator(const SourceText& source, const Outline& outline, const CurrentName& current_name)
      : source_(source), outline_(outline), current_name_(current_name) {}

  void run() {
    std::size_t table = 0;  // counts headers: equal paths of different tables are no conflict
    for (const Statement& statement : outline_.statements) {
      if (statement.kind != Statement::Kind::kValue) ++table;
      note(statement, table);
    }
    table = 0;
    for (const Statement& statement : outline_.statements) {
      if (statement.kind == Statement::Kind::kValue) {
        option(statement, table);
      } else {
        ++table;
        header(statement);
      }
    }
  }

  [[nodiscard]] const std::vector<Edit>& edits() const { return edits_; }
  [[nodiscard]] std::vector<Change> take_changes() { return std::move(changes_); }

 private:
  Names full_path(const Statement& statement) const {
    Names path;
    if (statement.kind == Statement::Kind::kValue && statement.header != kNoHeader) {
      path = names_of(outline_.statements[statement.header].key);
    }
    for (const KeyPart& part : statement.key) path.push_back(part.text);
    return path;
  }

  void note(const Statement& statement, std::size_t table) {
    const Names path = full_path(statement);
    if (statement.kind == Statement::Kind::kValue) options_.insert({table, path});
    paths_.push_back(path);
  }

  void change(std::size_t at, std::string text) {
    changes_.push_back({source_.position(at), std::move(text)});
  }

  void header(const Statement& statement) {
    const Names before = names_of(statement.key);
    const Names after = current_path(before);
    const bool single = statement.kind == Statement::Kind::kTable;
    const bool becomes_list = single && after.size() == 2 && is_category(after[0]);
    if (before == after && !becomes_list) return;
    const std::string found = shown(before, !single);
    const std::string now = shown(after, !single || becomes_list);
    const std::string problem = obstacle(statement, before, after, becomes_list);
    if (!problem.empty()) {
      change(statement.begin, fmt::format("{} is left as it is: {}", found, problem));
      return;
    }
    if (becomes_list) edits_.push_back({statement.begin, 0, "["});
    rename_path(statement.key, before, after);
    if (becomes_list) edits_.push_back({statement.end, 0, "]"});
    change(statement.begin, fmt::format("{} is now {}", found, now));
  }

  static std::string shown(const Names& path, bool is_list) {
    const std::string name = fmt::format("{}", fmt::join(path, "."));
    return is_list ? fmt::format("[[{}]]", name) : fmt::format("[{}]", name);
  }

  // What keeps a header from being renamed; empty if nothing does.
  [[nodiscard]] std::string obstacle(const Statement& statement, const Names& before,
                                     const Names& after, bool becomes_list) const {
    const auto begins = [](const Names& path, const Names& start) {
      return start.size() <= path.size() && std::equal(start.begin(), start.end(), path.begin());
    };
    if (before.size() == 1 && after.size() == 1) {
      const bool taken = std::any_of(paths_.begin(), paths_.end(),
                                     [&](const Names& path) { return begins(path, after); });
      return taken ? fmt::format("the file has {} too", shown(after, false)) : "";
    }
    if (!becomes_list) return {};
    const auto own = static_cast<std::size_t>(&statement - outline_.statements.data());
    for (std::size_t i = 0; i < own; ++i) {
      const Names earlier = current_path(paths_[i]);
      const bool is_sub_table = begins(earlier, after) && earlier.size() > after.size();
      const bool under_list = i > 0 && listed(i, after);
      if (is_sub_table && !under_list) {
        return fmt::format("a part of it stands before it, on line {}",
                           source_.line_of(outline_.statements[i].begin));
      }
    }
    return {};
  }

  // True if a header before statement `at`, or its own, begins an element of `path`.
  [[nodiscard]] bool listed(std::size_t at, const Names& path) const {
    for (std::size_t i = 0; i <= at; ++i) {
      const bool is_header = outline_.statements[i].kind != Statement::Kind::kValue;
      if (is_header && current_path(paths_[i]) == path) return true;
    }
    return false;
  }

  // Part by part from the end; what `after` has more stands in front.
  void rename_path(const KeyParts& parts, const Names& before, const Names& after) {
    const std::size_t more = after.size() - before.size();
    if (more > 0) edits_.push_back({parts.front().offset, 0, after[0] + "."});
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (before[i] == after[i + more]) continue;
      edits_.push_back({parts[i].offset, parts[i].length, after[i + more]});
    }
  }

  void option(const Statement& statement, std::size_t table) {
    const Names before = full_path(statement);
    const Names path = current_path(before);
    const bool of_plugin = path.size() >= 3 && is_category(path[0]);
    const std::size_t depth = of_plugin ? 2 : 1;
    if (path.size() <= depth || path[0] == "global_tags") return;
    const std::string now =
        current_name_(path[0], of_plugin ? path[1] : std::string(), path[depth]);
    // The part of this statement's own key; a header may have named the option ([x.y.drop]).
    const std::size_t behind = path.size() - depth;
    if (now.empty() || behind > statement.key.size()) return;
    const std::size_t index = statement.key.size() - behind;
    const KeyPart& part = statement.key[index];
    Names renamed = before;
    renamed[before.size() - behind] = now;
    if (options_.count({table, renamed}) != 0) {
      change(part.offset, fmt::format("`{}` is left as it is: `{}` is given too", part.text, now));
      return;
    }
    options_.insert({table, renamed});
    edits_.push_back({part.offset, part.length, now});
    change(part.offset, fmt::format("`{}` is now `{}`", part.text, now));
  }

  const SourceText& source_;
  const Outline& outline_;
  const CurrentName& current_name_;
  std::vector<Names> paths_;  // of all statements
  std::set<std::pair<std::size_t, Names>> options_;
  std::vector<Edit> edits_;
  std::vector<Change> changes_;
};

// The original bytes with the edits, whose offsets are those of the SourceText: it has no byte
// order mark and no CR before an LF.
std::string applied(std::string_view original, const std::vector<Edit>& edits) {
  std::string out;
  std::size_t at = 0;
  const auto copy_one = [&] { out += original[at++]; };
  if (original.starts_with("\xEF\xBB\xBF")) {
    for (int i = 0; i < 3; ++i) copy_one();
  }
  std::size_t offset = 0;
  for (const Edit& edit : edits) {
    while (offset < edit.offset) {
      if (original[at] == '\r' && at + 1 < original.size() && original[at + 1] == '\n') copy_one();
      copy_one();
      ++offset;
    }
    out += edit.text;
    at += edit.length;
    offset += edit.length;
  }
  return out.append(original.substr(at));
}

}  // namespace

tl::expected<Migration, TextProblem> migrate(std::string_view text,
                                             const std::shared_ptr<const std::string>& file,
                                             const CurrentName& current_name) {
  const SourceText source(file, text);
  if (auto problem = check_text(source.text())) return tl::unexpected(std::move(*problem));
  const auto outline = make_outline(source.text());
  if (!outline) return tl::unexpected(outline.error());
  Migrator migrator(source, *outline, current_name);
  migrator.run();
  return Migration{applied(text, migrator.edits()), migrator.take_changes()};
}

}  // namespace holdfast::config
