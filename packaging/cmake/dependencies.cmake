# Every third-party library, found once. All of them are Debian packages; see packaging/README.md.
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(GNUTLS REQUIRED IMPORTED_TARGET gnutls)
# Debian has it for amd64 and arm64.
pkg_check_modules(ISAL IMPORTED_TARGET libisal)
option(HOLDFAST_ISAL "Compress and check with ISA-L" ${ISAL_FOUND})
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)

find_path(ASIO_INCLUDE_DIR asio.hpp REQUIRED)
find_path(TOML11_INCLUDE_DIR toml.hpp REQUIRED)
find_path(EXPECTED_INCLUDE_DIR tl/expected.hpp REQUIRED)
find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
find_path(NLOHMANN_JSON_INCLUDE_DIR nlohmann/json.hpp REQUIRED)

add_library(holdfast_asio INTERFACE)
target_include_directories(holdfast_asio SYSTEM INTERFACE ${ASIO_INCLUDE_DIR})
target_compile_definitions(holdfast_asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED)
target_link_libraries(holdfast_asio INTERFACE Threads::Threads)
