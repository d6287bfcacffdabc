// RejectedBatches: the refused batches of the outputs of a configuration, wherever they lie.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/configuration.h"
#include "outputs/rejected_directory.h"

namespace holdfast::agent {

// A refused batch, with the output it belongs to and its directory.
struct RejectedBatch {
  ConfiguredOutput* output = nullptr;
  const outputs::RejectedDirectory* directory = nullptr;
  outputs::RejectedName name;
  std::uint64_t file_bytes = 0;

  [[nodiscard]] std::string id() const { return name.id(); }
};

// Not thread-safe. Outlived by the configuration.
class RejectedBatches {
 public:
  // Of all outputs with a rejected_directory, or of the one with this alias or reader. kInvalid
  // without any such output; a directory that is not there yet is an empty one.
  [[nodiscard]] static base::Result<RejectedBatches> find(Configuration& configuration,
                                                          const std::string& output);

  // Oldest first.
  [[nodiscard]] const std::vector<RejectedBatch>& all() const { return batches_; }
  // Null if there is none of that id.
  [[nodiscard]] const RejectedBatch* of_id(const std::string& id) const;
  // Batches in the same directories of readers that the configuration does not have, by reader.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& foreign() const { return foreign_; }

 private:
  [[nodiscard]] base::Status read(ConfiguredOutput& output, const Configuration& configuration);

  // Batches point at them.
  std::map<std::string, outputs::RejectedDirectory> directories_;
  std::vector<RejectedBatch> batches_;
  std::map<std::string, std::uint64_t> foreign_;
};

}  // namespace holdfast::agent
