// From counters, workers and ring to one value.
#include "agent/own_numbers.h"

#include "agent/version.h"

namespace holdfast::agent {
namespace {

inputs::Numbers::OfInput numbers_of(const ConfiguredInput& input) {
  const inputs::InputCounters& counters = *input.counters;
  return {std::string(input.plugin->name),
          input.alias,
          counters.gathers,
          counters.errors,
          counters.gathered,
          counters.filtered,
          counters.not_accepted,
          counters.skipped,
          counters.gather_total_ns,
          input.input == nullptr ? inputs::PluginCounts{} : input.input->counts()};
}

inputs::Numbers::OfOutput numbers_of(const RunningOutput& output, const buffer::RingInfo& info) {
  const outputs::OutputStatus status = output.worker->status();
  inputs::Numbers::OfOutput numbers;
  numbers.plugin = output.name;
  numbers.alias = output.alias;
  numbers.requests = status.requests;
  numbers.bytes_sent = status.bytes_sent;
  for (const auto& [code, count] : status.by_status) {
    if (code < 200 || code > 299) numbers.failed_requests += count;
  }
  for (const buffer::ReaderInfo& reader : info.readers) {
    if (reader.id != output.reader_id) continue;
    const buffer::LedgerCounters& counters = reader.ledger.counters;
    numbers.accepted = reader.ledger.accepted;
    numbers.buffered = reader.ledger.buffered;
    numbers.delivered = counters.delivered;
    numbers.rejected = counters.rejected;
    numbers.filtered = counters.filtered;
    numbers.dropped = counters.total() - counters.delivered - counters.filtered;
  }
  return numbers;
}

}  // namespace

inputs::Numbers own_numbers(const Pipeline& pipeline) {
  const buffer::RingInfo info = pipeline.store().ring->info();
  inputs::Numbers numbers;
  numbers.version = version();
  for (const auto& input : pipeline.inputs()) numbers.inputs.push_back(numbers_of(*input));
  for (const auto& output : pipeline.outputs()) {
    numbers.outputs.push_back(numbers_of(output, info));
  }
  numbers.ring = {info.size_bytes,    info.used_bytes, info.points,      info.writes,
                  info.bytes_written, info.syncs,      info.held_points, info.degraded};
  return numbers;
}

}  // namespace holdfast::agent
