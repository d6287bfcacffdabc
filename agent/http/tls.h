// TLS for the HTTP server: what the library needs to be told, and what it does not check itself.
// Used by server.cpp only.
#pragma once

#include <memory>
#include <vector>

#include <microhttpd.h>

#include "agent/base/result.h"
#include "agent/tls/server_files.h"

namespace holdfast::http {

// Outlives the daemon it is given to. I/O thread only.
class Tls {
 public:
  // Errors as tls::load_server_files has them. Blocks on files.
  [[nodiscard]] static base::Result<std::unique_ptr<Tls>> load(const tls::ServerOptions& options);

  // Options for the start of the daemon, beside the flag MHD_USE_TLS.
  void add_options(std::vector<MHD_OptionItem>& items);
  // Whether the client of this connection may talk to us. What is found good is not looked at again
  // while the connection lasts.
  [[nodiscard]] base::Status admit(MHD_Connection* connection) const;

 private:
  explicit Tls(tls::ServerFiles files) : files_(std::move(files)) {}
  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code);

  tls::ServerFiles files_;
};

}  // namespace holdfast::http
