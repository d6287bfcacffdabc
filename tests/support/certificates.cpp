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

base::Status run(const std::string& directory, const std::string& commands) {
  const std::string script =
      fmt::format("set -e; cd '{}'; exec >openssl.log 2>&1; {}", directory, commands);
  // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c): a pipe of programs, in a test
  if (std::system(script.c_str()) != 0) {
    return fail(ErrorCode::kIo, "openssl failed (Debian: openssl): {}",
                content(directory + "/openssl.log"));
  }
  return base::ok();
}

}  // namespace

base::Result<Certificates> make_certificates(const std::string& directory, const std::string& name,
                                             bool with_address) {
  const std::string address = with_address ? ",IP:127.0.0.1" : "";
  const auto made =
      run(directory,
          fmt::format(
              "new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'; "
              "$new -x509 -days 2 -subj '/CN=holdfast test CA' -keyout ca.key -out ca.pem; "
              "$new -subj '/CN={0}' -keyout server.key -out server.csr; "
              "echo 'subjectAltName=DNS:{0}{1}' >server.ext; "
              "openssl x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial "
              "-extfile server.ext -out server.pem; "
              "openssl pkey -in server.key -pubout -outform der | openssl dgst -sha256 -binary | "
              "openssl base64 -A >pin",
              name, address));
  if (!made) return tl::unexpected(made.error());
  return Certificates{directory + "/ca.pem", directory + "/server.pem", directory + "/server.key",
                      "sha256//" + content(directory + "/pin")};
}

base::Result<ClientCertificate> make_client_certificate(const std::string& directory,
                                                        const std::string& name,
                                                        const std::string& purpose) {
  const auto made = run(
      directory,
      fmt::format("openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                  "-subj '/CN={0}' -keyout {0}.key -out {0}.csr; "
                  "printf 'subjectAltName=DNS:{0}\\nextendedKeyUsage={1}\\n' >{0}.ext; "
                  "openssl x509 -req -days 2 -in {0}.csr -CA ca.pem -CAkey ca.key -CAcreateserial "
                  "-extfile {0}.ext -out {0}.pem",
                  name, purpose));
  if (!made) return tl::unexpected(made.error());
  return ClientCertificate{directory + "/" + name + ".pem", directory + "/" + name + ".key"};
}

base::Result<std::string> encrypt_key(const std::string& key, const std::string& password) {
  const auto made =
      run(key.substr(0, key.rfind('/')),
          fmt::format("openssl pkcs8 -topk8 -in '{0}' -out '{0}.encrypted' -passout 'pass:{1}'",
                      key, password));
  if (!made) return tl::unexpected(made.error());
  return key + ".encrypted";
}

}  // namespace holdfast::test
