// Which refused batches there are. Directories may be shared by several outputs.
#include "agent/rejected_batches.h"

#include <algorithm>
#include <utility>

namespace holdfast::agent {
namespace {

using base::ErrorCode;

bool is_called(const ConfiguredOutput& output, const std::string& name) {
  return name.empty() || output.worker.alias == name || output.reader_id == name;
}

// The outputs that are meant and keep what is refused; else why there is none.
base::Result<std::vector<ConfiguredOutput*>> chosen(Configuration& configuration,
                                                    const std::string& name) {
  std::vector<ConfiguredOutput*> outputs;
  std::string known;
  bool named = false;
  for (ConfiguredOutput& output : configuration.outputs) {
    known += (known.empty() ? "" : ", ") + output.reader_id;
    if (!is_called(output, name)) continue;
    named = true;
    if (!output.worker.rejected_directory.empty()) outputs.push_back(&output);
  }
  if (!outputs.empty()) return outputs;
  if (named && name.empty()) {
    return base::fail(ErrorCode::kInvalid,
                      "no output keeps what is refused; set its rejected_directory");
  }
  if (named) {
    return base::fail(ErrorCode::kInvalid,
                      "output {} does not keep what is refused; set its rejected_directory", name);
  }
  return base::fail(ErrorCode::kInvalid, "no output is called {}; there are: {}", name, known);
}

}  // namespace

base::Result<RejectedBatches> RejectedBatches::find(Configuration& configuration,
                                                    const std::string& output) {
  const auto outputs = chosen(configuration, output);
  if (!outputs) return tl::unexpected(outputs.error());
  RejectedBatches found;
  for (ConfiguredOutput* one : *outputs) {
    if (auto done = found.read(*one, configuration); !done) return tl::unexpected(done.error());
  }
  std::sort(found.batches_.begin(), found.batches_.end(),
            [](const RejectedBatch& a, const RejectedBatch& b) { return a.name < b.name; });
  return found;
}

base::Status RejectedBatches::read(ConfiguredOutput& output, const Configuration& configuration) {
  const std::string& path = output.worker.rejected_directory;
  const bool first = !directories_.contains(path);
  if (first) {
    auto opened = outputs::RejectedDirectory::open(path);
    if (!opened && opened.error().code == ErrorCode::kNotFound) return base::ok();
    if (!opened) return tl::unexpected(opened.error());
    directories_.emplace(path, std::move(*opened));
  }
  const outputs::RejectedDirectory& directory = directories_.at(path);
  const auto files = directory.list();
  if (!files) return tl::unexpected(files.error());
  for (const outputs::RejectedFile& file : *files) {
    if (!file.has_lines) continue;
    const std::string& reader = file.name.reader;
    const bool known =
        std::any_of(configuration.outputs.begin(), configuration.outputs.end(),
                    [&](const ConfiguredOutput& other) { return other.reader_id == reader; });
    if (reader == output.reader_id) {
      batches_.push_back({&output, &directory, file.name, file.bytes});
    } else if (first && !known) {
      ++foreign_[reader];
    }
  }
  return base::ok();
}

const RejectedBatch* RejectedBatches::of_id(const std::string& id) const {
  const auto found = std::find_if(batches_.begin(), batches_.end(),
                                  [&](const RejectedBatch& batch) { return batch.id() == id; });
  return found == batches_.end() ? nullptr : &*found;
}

}  // namespace holdfast::agent
