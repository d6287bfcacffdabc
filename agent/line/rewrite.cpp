// One line in, at most one line out: select, rename, edit tags and fields.
#include "agent/line/rewrite.h"

#include <algorithm>

namespace holdfast::line {
namespace {

std::vector<TagPair> escaped(const std::vector<TagPair>& tags) {
  std::vector<TagPair> all;
  for (const auto& [key, value] : tags) {
    TagPair& tag = all.emplace_back();
    append_escaped_key(key, tag.first);
    append_escaped_key(value, tag.second);
    if (tag.first.empty() || tag.second.empty()) all.pop_back();
  }
  return all;
}

void append_tag(std::string_view key, std::string_view value, std::string& out) {
  out += ',';
  out += key;
  out += '=';
  out += value;
}

std::size_t bytes_of(const std::vector<TagPair>& tags) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : tags) bytes += key.size() + value.size() + 2;
  return bytes;
}

}  // namespace

std::string NameRules::apply(std::string_view name) const {
  std::string text = prefix;
  text += replacement.empty() ? name : std::string_view(replacement);
  text += suffix;
  return text;
}

LineRewriter::LineRewriter(const RewriteRules& rules)
    : rules_(rules),
      edits_(!rules.names.empty() || !rules.filter.keeps_all() || !rules.force_tags.empty() ||
             !rules.add_tags.empty()),
      force_(escaped(rules.force_tags)),
      add_(escaped(rules.add_tags)) {
  append_escaped_name(rules.names.prefix, prefix_);
  append_escaped_name(rules.names.replacement, replacement_);
  append_escaped_name(rules.names.suffix, suffix_);
}

std::size_t LineRewriter::most_added() const {
  return prefix_.size() + replacement_.size() + suffix_.size() + bytes_of(force_) + bytes_of(add_);
}

// The line's own tags and those it is made to have.
void LineRewriter::collect_tags(const LineParts& parts) {
  tags_.clear();
  PairCursor own(parts.tags, PairKind::kTags);
  while (const auto tag = own.next()) {
    const bool replaced = std::any_of(force_.begin(), force_.end(), [&](const TagPair& forced) {
      return forced.first == tag->key;
    });
    if (!replaced) tags_.push_back(*tag);
  }
  for (const auto& [key, value] : force_) tags_.push_back({key, value});
}

bool LineRewriter::selected(const LineParts& parts) {
  if (rules_.filter.selects_all()) return true;
  unescape_name(parts.measurement, scratch_);
  if (!rules_.filter.looks_at_tags()) return rules_.filter.selects(scratch_, {});
  texts_.resize(std::max(texts_.size(), 2 * tags_.size()));
  views_.clear();
  for (std::size_t i = 0; i < tags_.size(); ++i) {
    unescape(tags_[i].key, texts_[2 * i]);
    unescape(tags_[i].value, texts_[2 * i + 1]);
    views_.push_back({texts_[2 * i], texts_[2 * i + 1]});
  }
  return rules_.filter.selects(scratch_, views_);
}

bool LineRewriter::keeps_tag(std::string_view key) {
  if (rules_.filter.keeps_all()) return true;
  unescape(key, scratch_);
  return rules_.filter.keeps_tag(scratch_);
}

// False if none is left.
bool LineRewriter::append_fields(std::string_view fields, std::string& out) {
  out += ' ';
  if (rules_.filter.keeps_all()) {
    out += fields;
    return true;
  }
  bool any = false;
  PairCursor all(fields, PairKind::kFields);
  while (const auto field = all.next()) {
    unescape(field->key, scratch_);
    if (!rules_.filter.keeps_field(scratch_)) continue;
    if (any) out += ',';
    out += field->key;
    out += '=';
    out += field->value;
    any = true;
  }
  return any;
}

bool LineRewriter::append(const LineParts& parts, std::string& out) {
  const std::size_t before = out.size();
  if (edits_ || rules_.filter.looks_at_tags()) collect_tags(parts);
  if (!selected(parts)) return false;
  if (!edits_) {
    out += parts.line;
    out += '\n';
    return true;
  }
  out += prefix_;
  out += replacement_.empty() ? parts.measurement : std::string_view(replacement_);
  out += suffix_;
  std::erase_if(tags_, [this](const KeyValue& tag) { return !keeps_tag(tag.key); });
  for (const KeyValue& tag : tags_) append_tag(tag.key, tag.value, out);
  for (const auto& added : add_) {
    const bool present = std::any_of(tags_.begin(), tags_.end(),
                                     [&](const KeyValue& tag) { return tag.key == added.first; });
    if (!present) append_tag(added.first, added.second, out);
  }
  if (!append_fields(parts.fields, out)) {
    out.resize(before);
    return false;
  }
  out += ' ';
  out += parts.timestamp;
  out += '\n';
  return true;
}

}  // namespace holdfast::line
