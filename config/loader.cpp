// Reads configuration files with toml11. This is the only file that knows that library; none of its
// exceptions and none of its words leave it.
#include "config/loader.h"

#include <algorithm>
#include <exception>
#include <map>
#include <memory>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include <toml.hpp>

#include "config/document.h"
#include "config/listing.h"
#include "config/outline.h"
#include "config/read_file.h"
#include "config/source_text.h"
#include "config/syntax_error.h"
#include "config/variables.h"

namespace holdfast::config {
namespace {

// An ordered map, so that what happens does not depend on hashes.
using TomlValue = toml::basic_value<toml::discard_comments, std::map>;
using FileName = std::shared_ptr<const std::string>;

// Turns the library's values into ours: with the positions of keys, variables expanded.
class Converter {
 public:
  Converter(const SourceText& source, const Outline& outline, const Substitution& substitution,
            const Environment& environment, Diagnostics& diagnostics)
      : source_(source),
        outline_(outline),
        substitution_(substitution),
        substituted_(source.file(), substitution.text()),
        environment_(environment),
        diagnostics_(diagnostics) {}

  // The offset in the user's text of a place the library names.
  [[nodiscard]] std::size_t offset_of(const toml::source_location& where) const {
    return substitution_.original(substituted_.offset_of(where.line(), where.column()));
  }

  Table root(const TomlValue& root) { return table(root, {}, false); }

 private:
  using Path = std::vector<std::string>;

  static std::string header_of(const Path& path, bool in_list) {
    if (path.empty()) return {};
    const std::string name = fmt::format("{}", fmt::join(path, "."));
    return in_list ? fmt::format("[[{}]]", name) : fmt::format("[{}]", name);
  }

  Table table(const TomlValue& from, const Path& path, bool in_list) {
    struct Child {
      std::size_t key_offset;
      const std::string* name;
      const TomlValue* value;
    };
    std::vector<Child> children;
    for (const auto& [name, child] : from.as_table()) {
      children.push_back({key_offset(child, name, path.size()), &name, &child});
    }
    std::stable_sort(children.begin(), children.end(),
                     [](const Child& a, const Child& b) { return a.key_offset < b.key_offset; });
    Table out(source_.position(offset_of(from.location())), header_of(path, in_list));
    for (const Child& child : children) {
      Path child_path = path;
      child_path.push_back(*child.name);
      out.add(*child.name, source_.position(child.key_offset), value(*child.value, child_path));
    }
    return out;
  }

  // Where the key of `child` stands: before its value, or in a header or dotted key.
  [[nodiscard]] std::size_t key_offset(const TomlValue& child, const std::string& name,
                                       std::size_t depth) const {
    const std::size_t place = offset_of(child.location());
    const auto direct = outline_.key_of_value.find(place);
    if (direct != outline_.key_of_value.end()) {
      return outline_.keys.at(direct->second).back().offset;
    }
    const auto key = outline_.keys.find(place);
    if (key == outline_.keys.end()) return place;
    const KeyParts& parts = key->second;
    if (depth < parts.size() && parts[depth].text == name) return parts[depth].offset;
    const auto part = std::find_if(parts.begin(), parts.end(),
                                   [&name](const KeyPart& item) { return item.text == name; });
    return part == parts.end() ? place : part->offset;
  }

  Value value(const TomlValue& from, const Path& path, bool in_list = false) {
    Value out;
    const std::size_t place = offset_of(from.location());
    out.where = source_.position(place);
    out.invalid = substitution_.is_invalid(place);
    switch (from.type()) {
      case toml::value_t::boolean:
        out.data = from.as_boolean();
        break;
      case toml::value_t::integer:
        out.data = static_cast<std::int64_t>(from.as_integer());
        break;
      case toml::value_t::floating:
        out.data = static_cast<double>(from.as_floating());
        break;
      case toml::value_t::string:
        expand_text(from.as_string().str, path, out);
        break;
      case toml::value_t::array:
        out.data = list(from, path);
        break;
      case toml::value_t::table:
        out.where = source_.position(table_offset(from, path));
        out.data = std::make_shared<Table>(table(from, path, in_list));
        break;
      default:
        out.data = std::string(bare_token(source_.text(), place));
        out.date_time = true;
    }
    return out;
  }

  // Of a table with a header, the place of its name there.
  [[nodiscard]] std::size_t table_offset(const TomlValue& from, const Path& path) const {
    const std::size_t place = offset_of(from.location());
    const bool has_header = source_.text()[place] == '[';
    return has_header ? key_offset(from, path.back(), path.size() - 1) : place;
  }

  Value::Array list(const TomlValue& from, const Path& path) {
    Value::Array out;
    for (const TomlValue& item : from.as_array()) out.push_back(value(item, path, true));
    return out;
  }

  void expand_text(const std::string& text, const Path& path, Value& out) {
    auto expanded = expand_environment(text, environment_);
    if (expanded) {
      out.data = std::move(*expanded);
      return;
    }
    out.data = text;
    out.invalid = true;
    diagnostics_.error(out.where, fmt::format("`{}`: {}", path.back(), expanded.error().message));
  }

  const SourceText& source_;
  const Outline& outline_;
  const Substitution& substitution_;
  SourceText substituted_;
  const Environment& environment_;
  Diagnostics& diagnostics_;
};

// The library has one exception for all; which kind it is, is in its words only.
SyntaxErrorKind kind_of(const toml::syntax_error& error) {
  const bool conflict =
      std::string_view(error.what()).find("insert_value") != std::string_view::npos;
  return conflict ? SyntaxErrorKind::kConflict : SyntaxErrorKind::kValue;
}

void load_checked(const SourceText& source, const Outline& outline, const Environment& environment,
                  Diagnostics& diagnostics, Document& into) {
  const Substitution substitution(source, outline, environment, diagnostics);
  Converter converter(source, outline, substitution, environment, diagnostics);
  try {
    std::istringstream stream(substitution.text());
    const auto root =
        toml::parse<toml::discard_comments, std::map, std::vector>(stream, *source.file());
    add_to_document(converter.root(root), diagnostics, into);
  } catch (const toml::syntax_error& error) {
    const TextProblem problem = explain_syntax_error(
        kind_of(error), converter.offset_of(error.location()), source, outline);
    diagnostics.error(source.position(problem.offset), problem.message);
  }
}

void load_source(std::string_view text, const FileName& file, const Environment& environment,
                 Diagnostics& diagnostics, Document& into) {
  const SourceText source(file, text);
  if (const auto problem = check_text(source.text())) {
    diagnostics.add_listing(std::make_shared<const Listing>(source, *problem));
    diagnostics.error(source.position(problem->offset), problem->message);
    return;
  }
  const auto outline = make_outline(source.text());
  if (!outline) {
    diagnostics.add_listing(std::make_shared<const Listing>(source, outline.error()));
    diagnostics.error(source.position(outline.error().offset), outline.error().message);
    return;
  }
  diagnostics.add_listing(std::make_shared<const Listing>(source, *outline));
  try {
    load_checked(source, *outline, environment, diagnostics, into);
  } catch (const std::exception&) {
    diagnostics.error({file, 1, 1}, "the file cannot be understood as TOML");
  }
}

FileName announce(const std::string& name, Diagnostics& diagnostics) {
  auto file = std::make_shared<const std::string>(name);
  diagnostics.add_file(file);
  return file;
}

}  // namespace

Document load_files(const std::vector<std::string>& paths, const Environment& environment,
                    Diagnostics& diagnostics) {
  Document out;
  for (const std::string& path : paths) {
    const FileName file = announce(path, diagnostics);
    const auto text = read_file(path, kMaxFileBytes);
    if (text) {
      load_source(*text, file, environment, diagnostics, out);
    } else {
      diagnostics.error({file, 0, 0}, text.error().message);
    }
  }
  return out;
}

void load_text(const std::string& text, const std::string& name, const Environment& environment,
               Diagnostics& diagnostics, Document& into) {
  load_source(text, announce(name, diagnostics), environment, diagnostics, into);
}

}  // namespace holdfast::config
