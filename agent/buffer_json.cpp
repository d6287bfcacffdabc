// The buffer commands' output as programs read it. README.md lists the keys.
#include "agent/buffer_report.h"
#include "agent/json_parts.h"

namespace holdfast::agent {
namespace {

using buffer::BlockHeader;
using buffer::BlockKind;
using buffer::Mark;
using buffer::PartState;
using buffer::Range;
using buffer::ReaderState;
using buffer::Stretch;

constexpr std::int64_t kSecondNs = 1'000'000'000;

const char* state_name(PartState state) {
  switch (state) {
    case PartState::kSound:
      return "sound";
    case PartState::kBlank:
      return "blank";
    case PartState::kDamaged:
      return "damaged";
  }
  return "unknown";
}

const char* kind_name(BlockKind kind) {
  switch (kind) {
    case BlockKind::kData:
      return "data";
    case BlockKind::kPad:
      return "pad";
    case BlockKind::kCheckpoint:
      return "checkpoint";
  }
  return "unknown";
}

const char* codec_name(buffer::Codec codec) {
  switch (codec) {
    case buffer::Codec::kRaw:
      return "raw";
    case buffer::Codec::kDeflate:
      return "deflate";
    case buffer::Codec::kPrimed:
      return "primed";
  }
  return "unknown";
}

Json user_json(const LookedAt& ring) { return ring.user == 0 ? Json(nullptr) : Json(ring.user); }

Json mark_json(const Mark& mark) {
  if (mark.block_sequence == Range::kOpen) return nullptr;
  return {{"position", mark.position},
          {"block", mark.block_sequence},
          {"point", mark.point_sequence},
          {"points_into_block", mark.points_into_block}};
}

// What opening this file would do besides going on where it ended.
Json opening_json(const buffer::Snapshot& snapshot) {
  const buffer::Recovery& report = snapshot.recovered.report;
  return {{"rewrites_superblock", snapshot.recovered.rewrite_superblock},
          {"reads_whole_file", report.full_scan},
          {"ledger_lost", report.ledger_lost},
          {"restores_size", snapshot.file_size < snapshot.superblock().file_size},
          {"erases_headers", snapshot.recovered.ghosts.size()},
          {"points_lost", report.points_lost}};
}

Json superblocks_json(const buffer::Snapshot& snapshot) {
  return {state_name(snapshot.superblocks[0]), state_name(snapshot.superblocks[1])};
}

Json slot_json(const buffer::SlotReport& slot) {
  Json json = {{"state", state_name(slot.state)}};
  if (slot.state != PartState::kSound) return json;
  json["generation"] = slot.content.generation;
  json["written"] = utc(slot.content.written_ns);
  json["clean"] = slot.content.clean;
  json["synced"] = mark_json(slot.content.synced);
  return json;
}

Json slots_json(const buffer::Snapshot& snapshot) {
  return {slot_json(snapshot.slots[0]), slot_json(snapshot.slots[1])};
}

Json points_lost_json(const Stretch& stretch) {
  return stretch.points_known ? Json(stretch.points) : Json(nullptr);
}

Json damage_json(const buffer::Damage& damage) {
  return {{"offset", damage.offset},
          {"position", damage.stretch.position},
          {"bytes", damage.stretch.size},
          {"fault", damage.stretch.fault},
          {"points_lost", points_lost_json(damage.stretch)},
          {"pending_for", damage.wanted_by}};
}

}  // namespace

std::string info_json(const LookedAt& ring, const buffer::RingInfo& info) {
  Json json = {{"path", ring.path},
               {"size_bytes", info.size_bytes},
               {"used_bytes", info.used_bytes},
               {"points", info.points},
               {"accepted", info.point_sequence},
               {"next_block", info.block_sequence},
               {"oldest_stored_at", info.oldest_stored_at_s == 0
                                        ? Json(nullptr)
                                        : Json(utc(info.oldest_stored_at_s * kSecondNs))},
               {"in_use_by", user_json(ring)},
               {"clean", ring.snapshot.recovered.report.clean},
               {"opening", opening_json(ring.snapshot)},
               {"readers", Json::array()}};
  for (const buffer::ReaderInfo& reader : info.readers) {
    Json part = reader_json(reader);
    part.erase("attached");  // which outputs an agent has is not in the file
    json["readers"].push_back(std::move(part));
  }
  return json_text(json);
}

std::string verify_json(const LookedAt& ring, const buffer::VerifyReport& report,
                        const std::vector<buffer::Damage>& damage) {
  Json json = {{"path", ring.path},
               {"size_bytes", ring.snapshot.superblock().file_size},
               {"in_use_by", user_json(ring)},
               {"good", report.good()},
               {"superblocks", superblocks_json(ring.snapshot)},
               {"slots", slots_json(ring.snapshot)},
               {"opening", opening_json(ring.snapshot)},
               {"data_blocks", report.data_blocks},
               {"checkpoints", report.checkpoints},
               {"pads", report.pads},
               {"points", report.points},
               {"line_bytes", report.raw_bytes},
               {"payload_bytes", report.payload_bytes},
               {"damaged", report.damaged},
               {"damaged_pending", report.pending_damaged},
               {"points_lost", report.points_lost},
               {"losses_unknown", report.unknown_losses},
               {"points_overwritten", report.overwritten},
               {"damage", Json::array()}};
  for (const buffer::Damage& one : damage) json["damage"].push_back(damage_json(one));
  return json_text(json);
}

std::string dump_head_json(const LookedAt& ring) {
  const buffer::Snapshot& snapshot = ring.snapshot;
  std::string out = json_line({{"type", "ring"},
                               {"path", ring.path},
                               {"in_use_by", user_json(ring)},
                               {"size_bytes", snapshot.superblock().file_size},
                               {"data_bytes", snapshot.superblock().data_size},
                               {"superblocks", superblocks_json(snapshot)},
                               {"slots", slots_json(snapshot)},
                               {"floor", snapshot.floor()},
                               {"tail", mark_json(snapshot.tail())}});
  for (const ReaderState& reader : snapshot.readers()) {
    Json json = {
        {"type", "reader"},
        {"reader", reader.id},
        {"pending", buffer::pending_of(reader, snapshot.tail().points())},
        {"orphaned_since", reader.orphaned_ns == 0 ? Json(nullptr) : Json(utc(reader.orphaned_ns))},
        {"ranges", Json::array()}};
    for (const Range& range : reader.ranges) {
      json["ranges"].push_back({{"begin", mark_json(range.begin)}, {"end", mark_json(range.end)}});
    }
    out += json_line(json);
  }
  return out;
}

std::string stretch_json(const Stretch& stretch) {
  if (stretch.kind != Stretch::Kind::kBlock && stretch.kind != Stretch::Kind::kBadBlock) {
    const bool gone = stretch.kind == Stretch::Kind::kOverwritten;
    const bool gap = stretch.kind == Stretch::Kind::kGap;
    return json_line({{"type", gone  ? "overwritten"
                               : gap ? "gap"
                                     : "damage"},
                      {"position", stretch.position},
                      {"bytes", stretch.size},
                      {"fault", null_if_empty(stretch.fault)},
                      {"points_lost", points_lost_json(stretch)}});
  }
  const BlockHeader& header = stretch.block.header;
  const bool points = header.points > 0;
  return json_line({{"type", "block"},
                    {"position", stretch.position},
                    {"bytes", stretch.size},
                    {"block", header.block_sequence},
                    {"kind", kind_name(header.kind)},
                    {"codec", codec_name(header.codec)},
                    {"era", header.flags & buffer::kEraMask},
                    {"stored_at", utc(header.stored_at_s * kSecondNs)},
                    {"points", header.points},
                    {"first_point", header.point_sequence},
                    {"payload_bytes", header.payload_size},
                    {"line_bytes", header.raw_size},
                    {"oldest_ns", points ? Json(header.oldest_ns) : Json(nullptr)},
                    {"span_s", points ? Json(header.span_s) : Json(nullptr)},
                    {"ok", !stretch.damaged()},
                    {"fault", null_if_empty(stretch.fault)}});
}

}  // namespace holdfast::agent
