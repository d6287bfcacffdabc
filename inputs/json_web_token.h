// JSON web tokens (RFC 7519) signed with a shared secret, as InfluxDB 1.x and Telegraf take them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::inputs {

// Its claim `username` (empty if it has none), or nothing if the token is not good: it must be
// signed by HS256, HS384 or HS512 with `secret`, and have a claim `exp` in the future and none
// `nbf` in the future.
[[nodiscard]] std::optional<std::string> web_token_user(std::string_view token,
                                                        std::string_view secret,
                                                        std::int64_t now_s);

}  // namespace holdfast::inputs
