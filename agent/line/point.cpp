// Point's arena: every text of a point lies in one string, so that a reused point allocates
// nothing.
#include "agent/line/point.h"

namespace holdfast::line {

void Point::reset(std::string_view measurement) {
  arena_.clear();
  tags_.clear();
  fields_.clear();
  time_.reset();
  measurement_ = store(measurement);
}

Point::Text Point::store(std::string_view text) {
  const Text range{static_cast<std::uint32_t>(arena_.size()),
                   static_cast<std::uint32_t>(text.size())};
  arena_.append(text);
  return range;
}

// Points have few tags and fields: a look through all of them is cheaper than an index.
Point& Point::tag(std::string_view key, std::string_view value) {
  for (Tag& tag : tags_) {
    if (this->text(tag.key) == key) {
      tag.value = store(value);
      return *this;
    }
  }
  const Text stored_key = store(key);
  tags_.push_back({stored_key, store(value)});
  return *this;
}

Point& Point::set_field(std::string_view key, FieldValue value) {
  for (Field& field : fields_) {
    if (this->text(field.key) == key) {
      field.value = value;
      return *this;
    }
  }
  fields_.push_back({store(key), value});
  return *this;
}

Point& Point::field(std::string_view key, double value) {
  return set_field(key, FieldValue(std::in_place_type<double>, value));
}

Point& Point::field(std::string_view key, bool value) {
  return set_field(key, FieldValue(std::in_place_type<bool>, value));
}

Point& Point::field(std::string_view key, std::string_view value) {
  return set_field(key, FieldValue(std::in_place_type<Text>, store(value)));
}

Point& Point::field(std::string_view key, std::int64_t value) {
  return set_field(key, FieldValue(std::in_place_type<std::int64_t>, value));
}

Point& Point::field(std::string_view key, std::uint64_t value) {
  return set_field(key, FieldValue(std::in_place_type<std::uint64_t>, value));
}

Point& Point::time(std::int64_t ns) {
  time_ = ns;
  return *this;
}

}  // namespace holdfast::line
