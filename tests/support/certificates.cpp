// A private CA from the openssl program.
#include "tests/support/certificates.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fmt/core.h>

namespace holdfast::test {
namespace {

using base::ErrorCode;
using base::fail;

std::string content(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

base::Result<Certificates> make_certificates(const std::string& directory, const std::string& name,
                                             bool with_address) {
  const std::string address = with_address ? ",IP:127.0.0.1" : "";
  const std::string script = fmt::format(
      "set -e; cd '{0}'; exec >openssl.log 2>&1; "
      "new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'; "
      "$new -x509 -days 2 -subj '/CN=holdfast test CA' -keyout ca.key -out ca.pem; "
      "$new -subj '/CN={1}' -keyout server.key -out server.csr; "
      "echo 'subjectAltName=DNS:{1}{2}' >server.ext; "
      "openssl x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial "
      "-extfile server.ext -out server.pem; "
      "openssl pkey -in server.key -pubout -outform der | openssl dgst -sha256 -binary | "
      "openssl base64 -A >pin",
      directory, name, address);
  // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c): a pipe of programs, in a test
  if (std::system(script.c_str()) != 0) {
    return fail(ErrorCode::kIo, "openssl failed (Debian: openssl): {}",
                content(directory + "/openssl.log"));
  }
  return Certificates{directory + "/ca.pem", directory + "/server.pem", directory + "/server.key",
                      "sha256//" + content(directory + "/pin")};
}

}  // namespace holdfast::test
