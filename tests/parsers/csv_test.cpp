// CSV as a data format.
#include <string>

#include <gtest/gtest.h>

#include "parse.h"

namespace holdfast::test {
namespace {

const std::string kHeader = "csv_header_row_count = 1\n";

// Lines and errors of a text under these options.
std::string read(std::string_view text, const std::string& options = kHeader) {
  FormatUnderTest format("data_format = \"csv\"\n" + options);
  const auto parsed = format.parse(text);
  return parsed.lines + parsed.errors;
}

std::string problem(const std::string& options) {
  return FormatUnderTest("data_format = \"csv\"\n" + options).problems();
}

TEST(CsvFormat, TypesAreGuessedValueByValue) {
  EXPECT_EQ(read("a,b,c,d,e\n1,2.5,true,x y,\n-1,1e3,F,99999999999999999999,0x10\n"),
            "plugin a=1i,b=2.5,c=true,d=\"x y\",e=\"\" 0\n"
            "plugin a=-1i,b=1000,c=false,d=100000000000000000000,e=\"0x10\" 0\n");
  EXPECT_EQ(read("a,b\nNaN,1\n-Inf,+2\n"), "plugin b=1i 0\nplugin b=2i 0\n");
}

TEST(CsvFormat, TypesCanBeGiven) {
  const std::string types = "csv_column_types = [\"string\", \"float\", \"int\", \"bool\"]\n";
  EXPECT_EQ(read("a,b,c,d\n1,2,3,1\n", kHeader + types), "plugin a=\"1\",b=2,c=3i,d=true 0\n");
  EXPECT_EQ(read("a,b,c,d\n1,2,3.5,1\n", kHeader + types),
            "line 2: column `c`: found `3.5`, expected int\n");
  EXPECT_EQ(read("a,b,c,d\n1,x,3,1\n", kHeader + types),
            "line 2: column `b`: found `x`, expected float\n");
  EXPECT_EQ(read("a,b,c,d\n1,1,3,yes\n", kHeader + types),
            "line 2: column `d`: found `yes`, expected bool\n");
  EXPECT_EQ(read("a,b,c,d,e\n1,2,3,1,5\n", kHeader + types),
            "line 2: column `e` is the 5th, but there are 4 `csv_column_types`\n");
}

TEST(CsvFormat, FieldsAreQuotedAsRfc4180Says) {
  EXPECT_EQ(read("a,b\r\n\"x,\"\"y\"\"\",\"two\r\nlines\"\r\n\"\",3\r\n"),
            "plugin a=\"x,\\\"y\\\"\",b=\"two\nlines\" 0\nplugin a=\"\",b=3i 0\n");
  EXPECT_EQ(
      read("a\n1\n\"x\"y\n2\n"),
      "plugin a=1i 0\nline 3: found a quote within a field, expected the field quoted and its "
      "quotes doubled\n");
  EXPECT_EQ(read("a\nx\"y\n").substr(0, 30), "line 2: found a quote within a");
  EXPECT_EQ(read("a\n1\n\n\"x\n"), "plugin a=1i 0\nline 4: found a quoted field without an end\n");
}

TEST(CsvFormat, HeadersOfSeveralRowsAreJoined) {
  EXPECT_EQ(read("a,b\n_1,_2,c\n1,2,3\n", "csv_header_row_count = 2"),
            "plugin a_1=1i,b_2=2i,c=3i 0\n");
}

TEST(CsvFormat, ColumnsCanBeNamed) {
  EXPECT_EQ(read("1,2\n3\n", "csv_column_names = [\"a\", \"b\"]"),
            "plugin a=1i,b=2i 0\nplugin a=3i 0\n");
  // The header is read over then; values without a name are left out.
  EXPECT_EQ(read("x,y\n1,2\n", kHeader + "csv_column_names = [\"a\"]"), "plugin a=1i 0\n");
}

TEST(CsvFormat, LinesCanBeSkippedFirst) {
  EXPECT_EQ(read("some \"text\n\na\n1\n", kHeader + "csv_skip_rows = 2"), "plugin a=1i 0\n");
}

TEST(CsvFormat, ColumnsCanBeSkipped) {
  EXPECT_EQ(read("x,a\n1,2\n3\n", kHeader + "csv_skip_columns = 1"), "plugin a=2i 0\n");
  EXPECT_EQ(read("1,2\n", "csv_column_names = [\"a\"]\ncsv_skip_columns = 1"), "plugin a=2i 0\n");
}

TEST(CsvFormat, MetadataIsTagsOfAllRows) {
  const std::string options =
      kHeader +
      "csv_metadata_rows = 3\ncsv_metadata_separators = [\"=\", \":\", \":=\"]\n"
      "csv_metadata_trim_set = \" #\"\ncsv_tag_columns = [\"unit\"]\n";
  const std::string text = "# Version=1.1\n#made := here=now \nnothing\nunit,v\nC,1\n";
  EXPECT_EQ(read(text, options), "plugin,Version=1.1,made=here\\=now,unit=C v=1i 0\n");
  const std::string both = "unit: K\n\n\nunit,v\nC,1\n";
  EXPECT_EQ(read(both, options), "plugin,unit=K v=1i 0\n");
  EXPECT_EQ(read(both, options + "csv_tag_overwrite = true"), "plugin,unit=C v=1i 0\n");
  EXPECT_EQ(
      read("#a=1\nv\n2\n", kHeader + "csv_metadata_rows = 1\ncsv_metadata_separators = [\"=\"]"),
      "plugin,#a=1 v=2i 0\n");
}

TEST(CsvFormat, DelimiterCommentAndBlanks) {
  EXPECT_EQ(read("a;b\n1;2,5\n", kHeader + "csv_delimiter = \";\""), "plugin a=1i,b=\"2,5\" 0\n");
  EXPECT_EQ(read("a\tb\n1\t\t\n", kHeader + "csv_delimiter = \"\\t\"\ncsv_trim_space = true"),
            "plugin a=1i,b=\"\" 0\n");
  EXPECT_EQ(read("a│b\n1│2\n", kHeader + "csv_delimiter = \"│\""), "plugin a=1i,b=2i 0\n");
  EXPECT_EQ(read("#x\na\n#y\n1\n", kHeader + "csv_comment = \"#\""), "plugin a=1i 0\n");
  EXPECT_EQ(read("a , b\n 1 , \"2\"\n", kHeader + "csv_trim_space = true"), "plugin a=1i,b=2i 0\n");
  EXPECT_EQ(read("a, b\n1, 2\n"), "plugin \\ b=\" 2\",a=1i 0\n");
}

TEST(CsvFormat, TagsMeasurementAndSkippedValues) {
  const std::string options = kHeader +
                              "csv_tag_columns = [\"host\"]\ncsv_measurement_column = \"m\"\n"
                              "csv_skip_values = [\"\", \"n/a\"]\n";
  EXPECT_EQ(read("m,host,a,b\ncpu,h1,1,n/a\n,h2,,2\n", options),
            "cpu,host=h1 a=1i 0\nplugin,host=h2 b=2i 0\n");
  // A row without a field is no point.
  EXPECT_EQ(read("m,host,a\ncpu,h1,n/a\n", options), "");
}

TEST(CsvFormat, TheTimeCanBeInAColumn) {
  const std::string column = kHeader + "csv_timestamp_column = \"t\"\n";
  EXPECT_EQ(read("t,a\n2018-09-13T13:03:28Z,1\n", column + "csv_timestamp_format = \"RFC3339\""),
            "plugin a=1i 1536843808000000000\n");
  EXPECT_EQ(read("t,a\n13.09.2018 15:03:28,1\n",
                 column + "csv_timestamp_format = \"02.01.2006 15:04:05\"\n"
                          "csv_timezone = \"Europe/Berlin\""),
            "plugin a=1i 1536843808000000000\n");
  const std::string unix = column + "csv_timestamp_format = \"unix\"\n";
  EXPECT_EQ(read("a,t\n1,5\n2\n", unix),
            "plugin a=1i 5000000000\n"
            "line 3: found no value in the column `t`, expected the time\n");
  EXPECT_EQ(read("a,t\n1,x\n", unix),
            "line 2: column `t`: found `x`, expected a number of units since 1970\n");
}

TEST(CsvFormat, BadRowsCanBeLeftOut) {
  const std::string options = kHeader + "csv_column_types = [\"int\"]\n";
  const std::string text = "a\n1\nx\n\"2\"z\n3\n";
  EXPECT_EQ(read(text, options), "plugin a=1i 0\nline 3: column `a`: found `x`, expected int\n");
  EXPECT_EQ(read(text, options + "csv_skip_errors = true"), "plugin a=1i 0\nplugin a=3i 0\n");
}

TEST(CsvFormat, TheHeaderIsExpectedOnceUnlessTheParserIsReset) {
  const std::string text = "note\nu=C\na\n1\n";
  const std::string options = "data_format = \"csv\"\n" + kHeader +
                              "csv_skip_rows = 1\ncsv_metadata_rows = 1\n"
                              "csv_metadata_separators = [\"=\"]\n";
  FormatUnderTest once(options);
  EXPECT_EQ(once.parse(text).lines, "plugin,u=C a=1i 0\n");
  EXPECT_EQ(once.parse("2\n").lines, "plugin,u=C a=2i 0\n");
  FormatUnderTest always(options + "csv_reset_mode = \"always\"");
  EXPECT_EQ(always.parse(text).lines, "plugin,u=C a=1i 0\n");
  EXPECT_EQ(always.parse("note\nv=D\nb\n2\n").lines, "plugin,v=D b=2i 0\n");
}

TEST(CsvFormat, LinesOfAFollowedFileShareOneHeader) {
  FormatUnderTest format("data_format = \"csv\"\n" + kHeader +
                         "csv_skip_rows = 1\ncsv_metadata_rows = 1\n"
                         "csv_metadata_separators = [\"=\"]\ncsv_reset_mode = \"always\"");
  const auto parsed = format.parse_lines(
      {"note", "u=C", "a,b", "1,2", "", "3,\"two", "", "lines\"", "x\"y,1", "5,6"});
  EXPECT_EQ(parsed.lines,
            "plugin,u=C a=1i,b=2i 0\nplugin,u=C a=3i,b=\"two\n\nlines\" 0\n"
            "plugin,u=C a=5i,b=6i 0\n");
  EXPECT_EQ(parsed.errors,
            "line 1: found a quote within a field, expected the field quoted and its quotes "
            "doubled\n");
}

TEST(CsvFormat, AQuoteThatIsNeverClosedDoesNotTakeAllThatFollows) {
  FormatUnderTest format("data_format = \"csv\"\n" + kHeader);
  std::vector<std::string_view> lines = {"a", "\"x"};
  lines.insert(lines.end(), 1'000, "1");
  lines.emplace_back("2");
  const auto parsed = format.parse_lines(lines);
  EXPECT_EQ(parsed.errors, "line 1: found a quoted field without an end\n");
  EXPECT_TRUE(parsed.lines.ends_with("plugin a=2i 0\n")) << parsed.lines;
  const std::string long_line = "\"" + std::string(70'000, 'x');
  EXPECT_EQ(format.parse_lines({long_line, "3"}).lines, "plugin a=3i 0\n");
}

TEST(CsvFormat, AByteOrderMarkIsReadOver) {
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "a\n1\n"),
            "plugin a=1i 0\n");
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("\n\n"), "");
}

TEST(CsvFormat, OptionsThatDoNotFitAreProblems) {
  EXPECT_NE(problem("").find("`csv_header_row_count` or `csv_column_names` is needed"),
            std::string::npos);
  EXPECT_NE(problem(kHeader + "csv_delimiter = \";;\"").find("t.toml:4:1: error: `csv_delimiter`"),
            std::string::npos);
  EXPECT_NE(problem(kHeader + "csv_comment = \"\\\"\"").find("`csv_comment`"), std::string::npos);
  EXPECT_NE(problem(kHeader + "csv_comment = \",\"").find("is the same as"), std::string::npos);
  EXPECT_NE(problem("csv_column_names = [\"a\"]\ncsv_column_types = [\"int\", \"int\"]")
                .find("has 2 elements, expected 1"),
            std::string::npos);
  EXPECT_NE(problem(kHeader + "csv_column_types = [\"long\"]").find("\"int\""), std::string::npos);
  EXPECT_NE(problem(kHeader + "csv_metadata_rows = 1").find("needs `csv_metadata_separators`"),
            std::string::npos);
  EXPECT_NE(problem(kHeader + "csv_timestamp_column = \"t\"").find("needs `csv_timestamp_format`"),
            std::string::npos);
  EXPECT_NE(problem(kHeader + "csv_timestamp_column = \"t\"\ncsv_timestamp_format = \"unix\"\n"
                              "csv_timezone = \"No\"")
                .find("no such time zone: No"),
            std::string::npos);
  EXPECT_NE(problem(kHeader + "csv_reset_mode = \"sometimes\"").find("\"always\""),
            std::string::npos);
}

}  // namespace
}  // namespace holdfast::test
