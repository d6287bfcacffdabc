// From the library's view of a request to ours. Used by server.cpp only.
#pragma once

#include "agent/http/server.h"

struct MHD_Connection;

namespace holdfast::http {

// Fills in query, headers and remote. I/O thread, while the request is with the library.
void read_request(MHD_Connection* connection, Request& request);

}  // namespace holdfast::http
