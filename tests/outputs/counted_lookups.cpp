// Stands in for the C library's getaddrinfo(), which libcurl then finds here first.
#include "tests/outputs/counted_lookups.h"

#include <atomic>
#include <cstring>

#include <dlfcn.h>
#include <netdb.h>

namespace {

std::atomic<std::uint64_t> lookups{0};

}  // namespace

// The exception specification is the one of netdb.h.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  using Lookup = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Lookup>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name != nullptr && std::strcmp(name, holdfast::test::kCountedName) == 0) {
    ++lookups;
    return real("127.0.0.1", service, hints, result);
  }
  return real(name, service, hints, result);
}

namespace holdfast::test {

std::uint64_t counted_lookups() { return lookups; }

}  // namespace holdfast::test
