#include "policy/exempt_callers.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using policy::ExemptCallers;

TEST_CASE("exempt callers: nobody, some and all have one text each", "[policy]") {
    for (const auto& [callers, text] : {std::pair<ExemptCallers, std::string>{{}, ""},
                                        {{true, {}}, "all"},
                                        {{false, {0, 7, 1000}}, "0,7,1000"}}) {
        CHECK(policy::exempt_callers_text(callers) == text);
        CHECK(policy::parse_exempt_callers(text).value() == callers);
    }
    CHECK(policy::parse_exempt_callers("1000,0,7").value().users.size() == 3);
}

TEST_CASE("exempt callers: what is no number of a user, or stands twice, is refused", "[policy]") {
    const std::string text = GENERATE("nobody", "ALL", "01", "+1", "-1", "1,", ",1", "1,,2", "1 ",
                                      "1,1", "65534", "4294967295", "4294967296", "1,all");
    CHECK(policy::parse_exempt_callers(text).error().field == "receipts_without_cst");
}

TEST_CASE("exempt callers: at most 64", "[policy]") {
    std::string text = "0";
    for (int i = 1; i < 64; ++i) {
        text.append(",").append(std::to_string(i));
    }
    CHECK(policy::parse_exempt_callers(text).ok());
    CHECK_FALSE(policy::parse_exempt_callers(text + ",64").ok());
}

TEST_CASE("exempt callers: fewer are no wider, and all are the widest", "[policy]") {
    const ExemptCallers nobody;
    const ExemptCallers one{false, {7}};
    const ExemptCallers two{false, {7, 8}};
    const ExemptCallers all{true, {}};
    CHECK(is_no_wider(nobody, nobody));
    CHECK(is_no_wider(one, two));
    CHECK(is_no_wider(two, all));
    CHECK_FALSE(is_no_wider(two, one));
    CHECK_FALSE(is_no_wider(all, two));
}
