// Deflater: one way to make a fragment. Internal to the compressor.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace holdfast::buffer {

// Not thread-safe; keeps its tables from fragment to fragment.
class Deflater {
 public:
  virtual ~Deflater() = default;
  // The most bytes that deflate() writes for so many.
  [[nodiscard]] virtual std::size_t bound(std::size_t bytes) = 0;
  // Raw deflate of `lines`, ended by a sync flush: its size. Nothing if it does not fit.
  [[nodiscard]] virtual std::optional<std::size_t> deflate(std::string_view lines,
                                                           std::span<char> out) = 0;
};

// zlib, level 0 to 9. About 270 KB. The dictionary must stay.
[[nodiscard]] std::unique_ptr<Deflater> make_zlib_deflater(int level,
                                                           std::string_view dictionary = {});
// libdeflate, level 1 to 12. About 450 KB; from level 10 on 800 to 1,800 KB.
[[nodiscard]] std::unique_ptr<Deflater> make_libdeflate_deflater(int level);
// ISA-L, level 1 or 2. About 400 KB. Only where there is one.
[[nodiscard]] bool has_isal();
[[nodiscard]] std::unique_ptr<Deflater> make_isal_deflater(int level);

}  // namespace holdfast::buffer
