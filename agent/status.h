// Status: the one document that HTTP, the unix socket and `holdfast status` show, and the health
// that follows from it.
#pragma once

#include <string>

#include "agent/pipeline.h"

namespace holdfast::agent {

// The status document of README.md, as JSON text. I/O thread.
[[nodiscard]] std::string status_json(const Pipeline& pipeline);

struct Health {
  bool good = true;
  std::string why;  // empty when good
};
// Bad when collecting into memory only, or when an output with points pending has not moved for
// three flush intervals though no wait was announced.
[[nodiscard]] Health health(const Pipeline& pipeline);

// A status document as a person reads it, a few lines; `text` is what status_json gave.
[[nodiscard]] base::Result<std::string> render_status(const std::string& text);

}  // namespace holdfast::agent
