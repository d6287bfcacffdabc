// Sorts the tables of one file into the Document: which sections there are, and what they may hold.
#pragma once

#include "config/diagnostics.h"
#include "config/loader.h"
#include "config/value.h"

namespace holdfast::config {

// Adds what the root table of one file says to `into`; reports tables that are unknown, not
// supported or of the wrong kind.
void add_to_document(Table root, Diagnostics& diagnostics, Document& into);

}  // namespace holdfast::config
