#include "cli/output.h"

#include "cli/progress.h"

#include <catch2/catch.hpp>

using namespace clawsigner;

TEST_CASE("output: what would steer a terminal is spelled out", "[cli]") {
    CHECK(cli::printable("plain é \U0001F600") == "plain é \U0001F600");
    CHECK(cli::printable("\x1b[2J\n\x7f") == "\\u001b[2J\\u000a\\u007f");
    CHECK(cli::printable("\xc2\x9b"
                         "31m\xc2\xa0") == "\\u009b31m\xc2\xa0");
}

TEST_CASE("output: what turns a line around is spelled out, and other text is left alone",
          "[cli]") {
    CHECK(cli::printable("a\u202Eb\u2066c\u2028d\u200Fe\uFEFFf") ==
          "a\\u202eb\\u2066c\\u2028d\\u200fe\\ufefff");
    CHECK(cli::printable("\u009b\u007f") == "\\u009b\\u007f");
    CHECK(cli::printable("é 😀 漢字 \u00a0") == "é 😀 漢字 \u00a0");
}

TEST_CASE("output: a table's columns are as wide as their widest cell", "[cli]") {
    CHECK(cli::table({{"A", "BB"}, {"ccc", "d"}, {"é", "x"}}) == "A    BB\nccc  d\né    x\n");
}

TEST_CASE("output: a time that is none is shown as it is", "[cli]") {
    CHECK(cli::ago("-") == "-");
    CHECK_THAT(cli::ago("2020-01-01T00:00:00.000Z"), Catch::EndsWith(" d ago"));
}

TEST_CASE("output: a bar says how far it is", "[cli]") {
    CHECK(cli::progress_bar(0, 0) == "[##############################] 100 %  0 of 0 leaves");
    CHECK(cli::progress_bar(1, 2) == "[###############---------------]  50 %  1 of 2 leaves");
    CHECK(cli::progress_bar(0, 300) == "[------------------------------]   0 %  0 of 300 leaves");
}
