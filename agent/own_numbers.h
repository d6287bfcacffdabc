// The running agent's numbers, as the input `internal` reports them.
#pragma once

#include "agent/pipeline.h"
#include "inputs/agent_numbers.h"

namespace holdfast::agent {

// Any thread, while the plugins of the pipeline stay as they are.
[[nodiscard]] inputs::Numbers own_numbers(const Pipeline& pipeline);

}  // namespace holdfast::agent
