// influxdb_v2_listener: takes line protocol over HTTP as InfluxDB 2.x does (telegraf-compat section
// 7.2). A write is answered 204 when its points are in the ring, and not before. Here are the
// options and the paths; line_listener.cpp does the rest.
#include <chrono>
#include <memory>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/core.h>

#include "inputs/input.h"
#include "inputs/line_listener.h"

namespace holdfast::inputs {
namespace {

constexpr std::string_view kPrefix = "/api/v2";
constexpr std::string_view kVersion = "2.0";

struct InfluxdbV2ListenerOptions {
  std::string service_address = ":8086";
  std::string token;
  std::string bucket_tag;
  std::int64_t max_undelivered_metrics = 0;
  std::string parser_type = "internal";
  bool use_internal_statistics = false;
};

const config::Schema<InfluxdbV2ListenerOptions>& listener_schema() {
  using Options = InfluxdbV2ListenerOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("service_address", &Options::service_address,
                  "Address to listen on: host:port, :port for all addresses, or unix:/path.")
          .option("token", &Options::token,
                  "Token that clients must send, as `Token token` or `Bearer token`; empty: none.",
                  {.secret = true})
          .option("bucket_tag", &Options::bucket_tag,
                  "Store the bucket of the request under this tag; empty: do not.")
          .option("max_undelivered_metrics", &Options::max_undelivered_metrics,
                  "Points that Telegraf holds in memory before it answers 429.",
                  {.min = 0,
                   .no_effect = "points are on disk before they are answered, and 503 says that "
                                "there is no room"})
          .option("parser_type", &Options::parser_type, "Which parser Telegraf uses.",
                  {.choices = {"internal", "upstream"},
                   .no_effect = "there is one parser, as strict as the strictest InfluxDB"})
          .option("use_internal_statistics", &Options::use_internal_statistics,
                  "Where Telegraf counts requests.",
                  {.no_effect = "requests are always counted, and `inputs.internal` reports them"});
  return schema;
}

// The units of InfluxDB 2. It takes other ones for nanoseconds; better to say that they are not.
std::optional<line::Precision> precision_of(std::string_view text) {
  const bool known = text.empty() || text == "ns" || text == "us" || text == "ms" || text == "s";
  return known ? line::parse_precision(text) : std::nullopt;
}

class InfluxdbV2Listener final : public LineListener {
 public:
  InfluxdbV2Listener(LineListenerSettings settings, const InputContext& context)
      : LineListener(std::move(settings), context),
        started_ns_(context.clock.wall_ns()),
        started_(context.clock.boot()) {}

  [[nodiscard]] PluginCounts counts() const override {
    PluginCounts counts = LineListener::counts();
    counts.fields.emplace_back("readys_served", requests().readys_served);
    return counts;
  }

 private:
  void handle(http::Request request, http::Responder responder) override {
    std::string_view path = request.path;
    const bool prefixed = path.starts_with(kPrefix);
    if (prefixed) path.remove_prefix(kPrefix.size());
    if (path == "/ping" || path == "/health" || path == "/ready") {
      const bool reads = request.method == "GET" || request.method == "HEAD";
      auto& kind = path == "/ready" ? requests().readys_served : requests().pings_served;
      return answer(kind, responder, reads ? state_answer(path) : wrong_method("GET, HEAD"));
    }
    if (!authorize(request, responder)) return;
    if (!prefixed || path != "/write") {
      return answer(requests().not_founds_served, responder, error(404, "path not found"));
    }
    if (request.method != "POST") {
      return answer(requests().writes_served, responder, wrong_method("POST"));
    }
    write(std::move(request), std::move(responder));
  }

  [[nodiscard]] http::Response state_answer(std::string_view path) const {
    http::Response answer;
    if (path == "/health") {
      answer = {200,
                fmt::format(R"({{"name":"influxdb","message":"ready for writes",)"
                            R"("status":"pass","checks":[],"version":"{}"}})"
                            "\n",
                            kVersion),
                "application/json; charset=utf-8",
                {}};
    } else if (path == "/ready") {
      answer = {200, ready_text(), "application/json; charset=utf-8", {}};
    }
    answer.headers.emplace_back("X-Influxdb-Version", kVersion);
    return answer;
  }

  [[nodiscard]] std::string ready_text() const {
    const auto started = std::chrono::floor<std::chrono::seconds>(
        std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(started_ns_)));
    const auto up = std::chrono::floor<std::chrono::seconds>(clock().boot() - started_);
    return fmt::format("{{\"status\":\"ready\",\"started\":\"{:%FT%TZ}\",\"up\":\"{}s\"}}\n",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(started)), up.count());
  }

  std::int64_t started_ns_;
  base::BootTime started_;
};

std::unique_ptr<Input> create(config::Table& table, config::Diagnostics& diagnostics,
                              const InputContext& context) {
  const auto options = listener_schema().parse(table, diagnostics);
  LineListenerSettings settings;
  settings.address = options.service_address;
  settings.listener = take_listener_options(table, diagnostics);
  if (!options.token.empty()) settings.authorization = Authorization::token(options.token);
  settings.parameters = {{{"bucket", options.bucket_tag}}, &precision_of, "ns, us, ms, s"};
  settings.error = &influxdb_v2_error;
  return std::make_unique<InfluxdbV2Listener>(std::move(settings), context);
}

}  // namespace

const InputPlugin& influxdb_v2_listener_plugin() {
  static const InputPlugin plugin{
      .name = "influxdb_v2_listener",
      .summary = "Line protocol over HTTP, as InfluxDB 2.x takes it",
      .times = Times::kAsTheyCame,
      .options = [] { return with_listener_options(listener_schema().describe()); },
      .create = &create};
  return plugin;
}

}  // namespace holdfast::inputs
