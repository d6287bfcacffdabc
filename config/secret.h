// Where the values of secret options come from, when they do not stand in the configuration itself.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "config/environment.h"

namespace holdfast::config {

// "@file:/path" is the content of that file, "@credential:name" that of
// $CREDENTIALS_DIRECTORY/name, which systemd's LoadCredential fills; without the final line break.
// Any other text is returned as it is. Errors name the path, never a content: an unreadable or
// empty file, a relative path, a name with a slash, more than 64 KiB.
[[nodiscard]] base::Result<std::string> resolve_secret(std::string_view text,
                                                       const Environment& environment);

// True if the text has a reference "@{store:key}" to one of Telegraf's secret stores in it.
[[nodiscard]] bool refers_to_store(std::string_view text);

}  // namespace holdfast::config
