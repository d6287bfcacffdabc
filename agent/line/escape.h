// Texts into their escaped forms, appended to a line. Internal to agent/line; the two forms that
// other folders need are in encode.h.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::line {

// What a text needs besides plain copying: true if its escaped form may equal that of another text
// (control characters and invalid UTF-8 are replaced, backslashes stripped). Such names are checked
// for duplicates once more after encoding.
[[nodiscard]] bool may_collide(std::string_view name);

// A name without its trailing backslashes: they would escape the separator that follows.
[[nodiscard]] std::string_view strip_backslashes(std::string_view name);

// A string field with its quotes.
void append_quoted(std::string_view text, std::string& out);

}  // namespace holdfast::line
