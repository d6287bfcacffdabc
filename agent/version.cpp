#include "agent/version.h"

namespace holdfast::agent {

std::string_view version() { return HOLDFAST_VERSION; }

}  // namespace holdfast::agent
