// statsd: values that programs send, gathered into one point a metric and interval. Options, and
// the way from socket to cache.
#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include <asio/post.hpp>

#include "inputs/feed.h"
#include "inputs/input.h"
#include "inputs/sockets/server.h"
#include "inputs/sockets/splitter.h"
#include "inputs/statsd/cache.h"
#include "inputs/statsd/datadog.h"

namespace holdfast::inputs {
namespace {

constexpr std::size_t kMaxLineBytes = std::size_t{64} * 1024;  // over TCP
constexpr base::Duration kErrorLogInterval = std::chrono::seconds(10);

struct StatsdOptions {
  std::string protocol = "udp";
  std::string service_address = ":8125";
  std::int64_t max_tcp_connections = 250;
  bool tcp_keep_alive = false;
  base::Duration tcp_keep_alive_period{};
  bool delete_gauges = true;
  bool delete_counters = true;
  bool delete_sets = true;
  bool delete_timings = true;
  std::int64_t percentile_limit = 1000;
  std::string metric_separator = "_";
  config::StringList templates;
  bool convert_names = false;
  std::string sanitize_name_method;
  bool datadog_extensions = false;
  bool datadog_distributions = false;
  bool datadog_keep_container_tag = false;
  bool float_counters = false;
  bool float_timings = false;
  bool float_sets = false;
  std::int64_t allowed_pending_messages = 10'000;
  std::int64_t number_workers_threads = 5;
  base::Duration max_ttl{};
  config::Bytes read_buffer_size{0};
  bool enable_aggregation_temporality = false;
  std::int64_t udp_packet_size = 0;
};

const config::Schema<StatsdOptions>& statsd_schema() {
  using O = StatsdOptions;
  static const auto schema =
      config::Schema<O>{}
          .option("protocol", &O::protocol, "What to listen for.",
                  {.choices = {"udp", "udp4", "udp6", "tcp", "tcp4", "tcp6"}})
          .option("service_address", &O::service_address,
                  "Address to listen on: host:port, or :port for all addresses.")
          .option("max_tcp_connections", &O::max_tcp_connections,
                  "More connections are closed at once.", {.min = 1, .max = 65'535})
          .option("tcp_keep_alive", &O::tcp_keep_alive, "Probe silent connections.")
          .option("tcp_keep_alive_period", &O::tcp_keep_alive_period,
                  "Time between such probes; 0s: as the system has it.", {.min = 0})
          .option("delete_gauges", &O::delete_gauges, "Forget gauges after each interval.")
          .option("delete_counters", &O::delete_counters,
                  "Begin counters anew after each interval; else they are totals.")
          .option("delete_sets", &O::delete_sets, "Begin sets anew after each interval.")
          .option("delete_timings", &O::delete_timings,
                  "Begin timings and histograms anew after each interval.")
          .option("percentile_limit", &O::percentile_limit,
                  "Values kept of a timer, for its median and percentiles; beyond that a random "
                  "choice. 0 is the default.",
                  {.min = 0, .max = 1'000'000})
          .option("metric_separator", &O::metric_separator,
                  "Between the parts of a name, in place of its dots.")
          .option("templates", &O::templates,
                  "How names become measurement, field and tags: `[separator] [filter] template "
                  "[key=value,...]`; see below.")
          .option("convert_names", &O::convert_names,
                  "In measurements make `.` to `_` and `-` to `__`.")
          .option("sanitize_name_method", &O::sanitize_name_method,
                  "`upstream`: as statsd does, blanks become `_`, `/` becomes `-`, and what is no "
                  "letter, digit or one of _-.;= is left out. Empty: names stay.",
                  {.choices = {"", "upstream"}})
          .option("datadog_extensions", &O::datadog_extensions,
                  "Take Datadog's tags, events and service checks.",
                  {.old_names = {"parse_data_dog_tags"}})
          .option("datadog_distributions", &O::datadog_distributions,
                  "Take distributions too (type d); needs datadog_extensions.")
          .option("datadog_keep_container_tag", &O::datadog_keep_container_tag,
                  "Keep Datadog's container id, as tag container.")
          .option("float_counters", &O::float_counters, "Counters are floats.")
          .option("float_timings", &O::float_timings, "The field count of timings is a float.")
          .option("float_sets", &O::float_sets, "The sizes of sets are floats.")
          .option("allowed_pending_messages", &O::allowed_pending_messages,
                  "Datagrams that may wait to be read; more are lost, and counted.",
                  {.min = 1, .max = 1'000'000})
          .option("number_workers_threads", &O::number_workers_threads,
                  "Threads that parse, in Telegraf.",
                  {.no_effect = "the agent's worker pool parses"})
          .option("max_ttl", &O::max_ttl,
                  "What is not deleted is forgotten when no value came for so long; 0s: never.")
          .option("read_buffer_size", &O::read_buffer_size,
                  "The kernel's buffer for datagrams; 0B: as the system has it.")
          .option("enable_aggregation_temporality", &O::enable_aggregation_temporality,
                  "Add the tag temporality to counters, and the field start_time to all.")
          .option("udp_packet_size", &O::udp_packet_size, "Of very old Telegrafs.",
                  {.no_effect = "datagrams of any size are taken"});
  return schema;
}

std::vector<config::OptionInfo> describe() {
  auto options = statsd_schema().describe();
  const auto after =
      std::find_if(options.begin(), options.end(),
                   [](const config::OptionInfo& info) { return info.name == "percentile_limit"; });
  options.insert(after, {"percentiles",
                         "list of floats",
                         "[]",
                         "Percentiles of timings and histograms, from 0 to 100.",
                         {}});
  return options;
}

std::vector<double> take_percentiles(config::Table& table, config::Diagnostics& diagnostics) {
  std::vector<double> percentiles;
  const config::Table::Entry* entry = table.take("percentiles");
  if (entry == nullptr) return percentiles;
  const auto* list = std::get_if<config::Value::Array>(&entry->value.data);
  if (list == nullptr) {
    diagnostics.error(entry->value.where,
                      fmt::format("`percentiles`: found {}, expected a list such as [50.0, 99.9]",
                                  entry->value.shown()));
    return percentiles;
  }
  for (const config::Value& value : *list) {
    const config::Table::Entry one{entry->key, entry->where, value};
    config::read_value(one, {.min = 0, .max = 100}, diagnostics, percentiles.emplace_back());
  }
  return percentiles;
}

struct Settings {
  sockets::ServerOptions server;
  statsd::Names names;
  statsd::Dialect dialect;
};

statsd::CacheOptions cache_options(const StatsdOptions& from, std::vector<double> percentiles) {
  statsd::CacheOptions to;
  to.delete_gauges = from.delete_gauges;
  to.delete_counters = from.delete_counters;
  to.delete_sets = from.delete_sets;
  to.delete_timings = from.delete_timings;
  to.float_counters = from.float_counters;
  to.float_timings = from.float_timings;
  to.float_sets = from.float_sets;
  to.distributions = from.datadog_extensions && from.datadog_distributions;
  to.percentiles = std::move(percentiles);
  if (from.percentile_limit > 0) {
    to.percentile_limit = static_cast<std::size_t>(from.percentile_limit);
  }
  to.max_ttl = from.max_ttl;
  to.temporality = from.enable_aggregation_temporality;
  return to;
}

Settings settings_of(const StatsdOptions& options, const config::Table& table,
                     config::Diagnostics& diagnostics) {
  Settings settings;
  auto address = sockets::parse_address(options.protocol + "://" + options.service_address);
  if (address) {
    settings.server.address = std::move(*address);
  } else {
    diagnostics.error(table.where("service_address"),
                      "`service_address`: " + address.error().message);
  }
  settings.server.socket.read_buffer_bytes = options.read_buffer_size.count;
  settings.server.max_queued_datagrams = static_cast<std::size_t>(options.allowed_pending_messages);
  settings.server.max_connections = static_cast<std::size_t>(options.max_tcp_connections);
  const bool system_period = options.tcp_keep_alive_period <= base::Duration::zero();
  if (!options.tcp_keep_alive) {
    settings.server.keep_alive_period = base::Duration{};
  } else if (!system_period) {
    settings.server.keep_alive_period = options.tcp_keep_alive_period;
  }
  auto names = statsd::Names::compile(
      {options.metric_separator.empty() ? "_" : options.metric_separator, options.templates,
       options.convert_names, !options.sanitize_name_method.empty()});
  if (names) {
    settings.names = std::move(*names);
  } else {
    diagnostics.error(table.where("templates"), "`templates`: " + names.error().message);
  }
  settings.dialect = {options.datadog_extensions, options.datadog_keep_container_tag};
  return settings;
}

// From its start to its stop.
class StatsdService : public std::enable_shared_from_this<StatsdService> {
 public:
  StatsdService(std::shared_ptr<const Settings> settings, std::shared_ptr<statsd::Cache> cache,
                const ServiceContext& context, const base::Clock& clock, base::Logger log)
      : settings_(std::move(settings)),
        cache_(std::move(cache)),
        context_(context),
        clock_(clock),
        log_(std::move(log)),
        feed_(std::make_shared<Feed>(context, clock, log_)) {}

  [[nodiscard]] base::Status start();
  void stop(std::function<void()> stopped);

 private:
  class Reader;

  void take_text(std::string_view text, const sockets::IpAddress& source);
  void take_line(std::string_view line, const sockets::IpAddress& source);
  [[nodiscard]] base::Status take_metric(std::string_view line);
  void report(std::uint64_t count, std::string_view problem);

  std::shared_ptr<const Settings> settings_;
  std::shared_ptr<statsd::Cache> cache_;
  ServiceContext context_;
  const base::Clock& clock_;
  base::Logger log_;
  std::shared_ptr<Feed> feed_;
  base::LogThrottle throttle_{kErrorLogInterval};
  std::unique_ptr<sockets::Server> server_;
};

// Values count at once, so nothing is in hand when a read is done: the ticket is not kept.
class StatsdService::Reader final : public sockets::StreamReader {
 public:
  Reader(std::shared_ptr<StatsdService> service, const sockets::IpAddress& source)
      : service_(std::move(service)), source_(source) {}

  [[nodiscard]] sockets::Reading read(std::string_view bytes, const sockets::Ticket&) override {
    return splitter_.feed(
        bytes, [this](std::string_view line) { service_->take_line(line, source_); },
        [this](const base::Error& error) { service_->report(1, error.message); });
  }
  void end(sockets::StreamEnd why, const sockets::Ticket&) override {
    splitter_.finish(
        why, [this](std::string_view line) { service_->take_line(line, source_); },
        [this](const base::Error& error) { service_->report(1, error.message); });
  }

 private:
  std::shared_ptr<StatsdService> service_;
  sockets::IpAddress source_;
  std::unique_ptr<sockets::Framing> framing_ = sockets::make_delimiter_framing("\n");
  sockets::Splitter splitter_{*framing_, kMaxLineBytes};
};

base::Status StatsdService::start() {
  // What runs is kept by what it is called for, until stop() has ended.
  const auto self = shared_from_this();
  sockets::ServerHandlers handlers;
  handlers.pool = context_.pool;
  handlers.datagrams = [self](std::span<const sockets::Datagram> datagrams) {
    for (const auto& datagram : datagrams) self->take_text(datagram.bytes, datagram.source);
  };
  handlers.connected = [self](const sockets::IpAddress& source) {
    return std::make_unique<Reader>(self, source);
  };
  handlers.problem = [self](const sockets::Problem& problem) {
    self->report(problem.count, problem.text);
  };
  auto server = sockets::Server::start(context_.io, settings_->server, std::move(handlers));
  if (!server) return tl::unexpected(server.error());
  server_ = std::move(*server);
  log_.info("listening on {} (port {})", settings_->server.address.text, server_->port());
  return base::ok();
}

// The values since the last gather are not lost: this is one more.
void StatsdService::stop(std::function<void()> stopped) {
  server_->stop([self = shared_from_this(), stopped = std::move(stopped)] {
    self->server_.reset();
    self->context_.pool([self, stopped] {
      Accumulator points = self->feed_->open();
      self->cache_->emit([&](line::Point& point) { points.add(point); });
      self->feed_->submit(std::move(points), buffer::Origin::kGathered, WhenRefused::kDrop);
      asio::post(self->context_.io, [self, stopped] { self->feed_->close(stopped); });
    });
  });
}

void StatsdService::take_text(std::string_view text, const sockets::IpAddress& source) {
  // No gather sees half a datagram.
  const auto held = cache_->hold();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    take_line(text.substr(0, end), source);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void StatsdService::take_line(std::string_view line, const sockets::IpAddress& source) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return;
  line = line.substr(begin, line.find_last_not_of(kBlanks) - begin + 1);
  base::Status taken;
  const bool event = settings_->dialect.datadog && statsd::is_event(line);
  if (event || (settings_->dialect.datadog && statsd::is_service_check(line))) {
    line::Point point("");
    const auto parse = event ? statsd::parse_event : statsd::parse_service_check;
    taken = parse(line, source.text(), clock_.wall_ns(), point);
    if (taken) taken = cache_->add(std::move(point));
  } else {
    taken = take_metric(line);
  }
  if (!taken) report(1, taken.error().message);
}

base::Status StatsdService::take_metric(std::string_view text) {
  statsd::Line line;
  const base::Status parsed = statsd::parse_line(text, settings_->dialect, line);
  if (line.samples.empty()) return parsed;
  statsd::Name name = settings_->names.parse(line.bucket);
  for (const auto& [key, value] : line.tags) name.tags.insert_or_assign(key, value);
  if (name.measurement.empty()) {
    return base::fail(base::ErrorCode::kInvalid, "found no name in `{}`", line.bucket);
  }
  for (const statsd::Sample& sample : line.samples) {
    if (auto added = cache_->add(sample, name); !added) return added;
  }
  return parsed;
}

void StatsdService::report(std::uint64_t count, std::string_view problem) {
  context_.counters.errors += count;
  context_.counters.set_last_error(std::string(problem));
  std::uint64_t before = 0;
  if (throttle_.allow(clock_.boot(), before)) {
    log_.error("{} ({} more since the last one)", problem, before);
  }
}

class Statsd final : public ServiceInput {
 public:
  Statsd(Settings settings, const statsd::CacheOptions& cache, const InputContext& context)
      : settings_(std::make_shared<const Settings>(std::move(settings))),
        cache_(std::make_shared<statsd::Cache>(cache, context.clock, base::Random::from_system())),
        clock_(context.clock),
        log_(context.log) {}

  [[nodiscard]] base::Status start(const ServiceContext& context) override {
    auto service = std::make_shared<StatsdService>(settings_, cache_, context, clock_, log_);
    if (auto started = service->start(); !started) return started;
    service_ = std::move(service);
    return base::ok();
  }
  void stop(std::function<void()> stopped) override {
    std::exchange(service_, nullptr)->stop(std::move(stopped));
  }
  [[nodiscard]] bool gathers() const override { return true; }
  [[nodiscard]] base::Status gather(Accumulator& out) override {
    cache_->emit([&](line::Point& point) { out.add(point); });
    return base::ok();
  }

 private:
  std::shared_ptr<const Settings> settings_;
  std::shared_ptr<statsd::Cache> cache_;
  const base::Clock& clock_;
  base::Logger log_;
  std::shared_ptr<StatsdService> service_;
};

}  // namespace

const InputPlugin& statsd_plugin() {
  static const InputPlugin plugin{
      .name = "statsd",
      .summary = "Counters, gauges, sets and timers that programs send, statsd's way",
      .options = describe,
      .create = [](config::Table& table, config::Diagnostics& diagnostics,
                   const InputContext& context) -> std::unique_ptr<Input> {
        const StatsdOptions options = statsd_schema().parse(table, diagnostics);
        const auto cache = cache_options(options, take_percentiles(table, diagnostics));
        return std::make_unique<Statsd>(settings_of(options, table, diagnostics), cache, context);
      }};
  return plugin;
}

}  // namespace holdfast::inputs
