// See write_parameters.h.
#include "inputs/write_parameters.h"

#include "agent/line/encode.h"
#include "agent/line/ingest.h"

namespace holdfast::inputs {
namespace {

base::Result<BodyCoding> coding_of(const http::Request& request) {
  const std::string_view coding = request.header("content-encoding");
  if (coding == "gzip") return BodyCoding::kGzip;
  if (coding.empty() || coding == "identity") return BodyCoding::kIdentity;
  return base::fail(base::ErrorCode::kInvalid, "content encoding `{}` is not gzip or identity",
                    coding);
}

// Tags go into lines that were found good: they must not spoil them.
base::Status check_tag(const line::TagPair& tag) {
  std::string probe = "m,";
  line::append_escaped_key(tag.first, probe);
  probe += '=';
  line::append_escaped_key(tag.second, probe);
  if (const auto problem = line::check_line(probe + " f=1 1")) {
    return base::fail(base::ErrorCode::kInvalid, "`{}` cannot be a tag: {}", tag.second, *problem);
  }
  return base::ok();
}

}  // namespace

base::Result<WriteRequest> read_write_request(const WriteParameters& parameters,
                                              http::Request& request) {
  WriteRequest out;
  const std::string_view unit = request.parameter("precision");
  const auto precision = parameters.precision(unit);
  if (!precision) {
    return base::fail(base::ErrorCode::kInvalid, "precision `{}` is none of {}", unit,
                      parameters.precisions);
  }
  out.precision = *precision;
  const auto coding = coding_of(request);
  if (!coding) return tl::unexpected(coding.error());
  out.coding = *coding;
  for (const auto& [parameter, tag] : parameters.tags) {
    const std::string_view value = request.parameter(parameter);
    if (tag.empty() || value.empty()) continue;
    out.forced_tags.emplace_back(tag, value);
    if (const auto fits = check_tag(out.forced_tags.back()); !fits) {
      return tl::unexpected(fits.error());
    }
  }
  out.body = std::move(request.body);
  return out;
}

}  // namespace holdfast::inputs
