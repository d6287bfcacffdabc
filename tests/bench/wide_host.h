// A host with many cpus and network interfaces, as files like those of its kernel.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace holdfast::bench {

struct WideHost {
  unsigned cpus = 256;
  unsigned interfaces = 1000;
};

// /proc/stat and /proc/net/dev after so many seconds of work.
[[nodiscard]] std::string proc_stat(const WideHost& host, std::uint64_t second);
[[nodiscard]] std::string proc_net_dev(const WideHost& host, std::uint64_t second);

// Makes the files of /proc as of this second below `proc`. Each is replaced at once: who reads
// meanwhile sees the old one or the new one. False, with a message on stderr, if that fails.
[[nodiscard]] bool write_proc(const WideHost& host, const std::filesystem::path& proc,
                              std::uint64_t second);
// Makes those of /sys: flags and speed of each interface.
[[nodiscard]] bool write_sys(const WideHost& host, const std::filesystem::path& sys);

}  // namespace holdfast::bench
