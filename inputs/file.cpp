// file: whole files, read at each interval.
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/descriptor.h"
#include "inputs/files/file_finder.h"
#include "inputs/files/text_decoder.h"
#include "inputs/input.h"
#include "inputs/parsers/formats.h"

namespace holdfast::inputs {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{16} * 1024 * 1024;

struct FileOptions {
  config::StringList files;
  std::string file_tag;
  std::string file_path_tag;
  std::string character_encoding;
};

const config::Schema<FileOptions>& file_schema() {
  using Options = FileOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("files", &Options::files,
                  "Files to read; globs are allowed, with ** over any number of folders.")
          .option("file_tag", &Options::file_tag, "Tag for the name of the file. Empty: none.")
          .option("file_path_tag", &Options::file_path_tag,
                  "Tag for the absolute path of the file. Empty: none.")
          .option("character_encoding", &Options::character_encoding,
                  "Encoding of the files: utf-8, utf-16le, utf-16be or another one that iconv "
                  "knows; what is invalid is replaced. Empty: they are taken as they are.");
  return schema;
}

base::Result<std::string> read_whole(const std::string& path) {
  // A named pipe without a writer must not hold us up.
  const base::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return base::fail_errno("open " + path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return base::fail_errno("stat " + path, errno);
  if (!S_ISREG(info.st_mode)) {
    return base::fail(base::ErrorCode::kInvalid, "{}: not a regular file", path);
  }
  std::string text;
  std::array<char, 65536> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init): written below
  while (true) {
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail_errno("read " + path, errno);
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > kMaxFileBytes) {
      return base::fail(base::ErrorCode::kTooLarge, "{}: larger than {} bytes", path,
                        kMaxFileBytes);
    }
  }
}

// What one text of `files` names.
struct Named {
  std::string pattern;
  files::FileFinder finder;
};

class File final : public Input {
 public:
  File(FileOptions options, std::vector<Named> files, files::TextDecoder decoder,
       parsers::MakeParser make_parser)
      : options_(std::move(options)),
        files_(std::move(files)),
        decoder_(std::move(decoder)),
        make_parser_(std::move(make_parser)) {}

  [[nodiscard]] base::Status gather(Accumulator& out) override {
    for (const Named& named : files_) {
      const auto paths = named.finder.find().paths;
      if (paths.empty()) {
        out.add_error({base::ErrorCode::kNotFound, named.pattern + ": no such file"});
      }
      for (const std::string& path : paths) {
        if (auto taken = take(path, out); !taken) out.add_error(taken.error());
      }
    }
    return base::ok();
  }

 private:
  base::Status take(const std::string& path, Accumulator& out) {
    const auto bytes = read_whole(path);
    if (!bytes) return tl::unexpected(bytes.error());
    const std::string_view text = decoder_.decode(*bytes);
    namespace fs = std::filesystem;
    const std::string name = fs::path(path).filename().string();
    std::error_code failed;
    const std::string whole_path = fs::absolute(path, failed).lexically_normal().string();
    const auto parsed = make_parser_()->parse(text, [&](line::Point& point) {
      if (!options_.file_tag.empty()) point.tag(options_.file_tag, name);
      if (!options_.file_path_tag.empty()) point.tag(options_.file_path_tag, whole_path);
      out.add(point);
    });
    if (parsed) return parsed;
    return base::fail(parsed.error().code, "{}: {}", path, parsed.error().message);
  }

  FileOptions options_;
  std::vector<Named> files_;
  files::TextDecoder decoder_;
  parsers::MakeParser make_parser_;
};

std::vector<Named> compile(const config::StringList& patterns, config::Table& table,
                           config::Diagnostics& diagnostics) {
  std::vector<Named> all;
  for (const std::string& pattern : patterns) {
    auto finder = files::FileFinder::compile({pattern});
    if (finder) {
      all.push_back({pattern, std::move(*finder)});
    } else {
      diagnostics.error(table.where("files"), "`files`: " + finder.error().message);
    }
  }
  return all;
}

std::unique_ptr<Input> create_file(config::Table& table, config::Diagnostics& diagnostics,
                                   const InputContext& context) {
  FileOptions options = file_schema().parse(table, diagnostics);
  if (options.files.empty()) {
    diagnostics.warning(table.where("files"), "`files` is empty: nothing is read");
  }
  auto files = compile(options.files, table, diagnostics);
  auto decoder = files::TextDecoder::open(options.character_encoding);
  if (!decoder) {
    diagnostics.error(table.where("character_encoding"),
                      "`character_encoding`: " + decoder.error().message);
    decoder = files::TextDecoder::open("");
  }
  auto make_parser = parsers::take_format(table, diagnostics, "influx", {"file", context.clock});
  if (!make_parser) return nullptr;
  return std::make_unique<File>(std::move(options), std::move(files), std::move(*decoder),
                                std::move(make_parser));
}

}  // namespace

const InputPlugin& file_plugin() {
  static const InputPlugin plugin{.name = "file",
                                  .summary = "Whole files, read at each interval",
                                  .takes_format = true,
                                  .options =
                                      [] {
                                        auto options = file_schema().describe();
                                        options.push_back(parsers::data_format_option("influx"));
                                        return options;
                                      },
                                  .create = create_file};
  return plugin;
}

}  // namespace holdfast::inputs
