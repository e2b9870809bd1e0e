#include "base/result.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

using namespace clawsigner;

namespace {

Result<std::unique_ptr<int>> make(bool good) {
    if (!good) {
        return Error(ErrorCode::hsm_down, "no");
    }
    return std::make_unique<int>(7);
}

Result<int> use(bool good) {
    TRY(const std::unique_ptr<int> made, make(good));
    return *made + 1;
}

Status check(bool good) {
    CHECK_OK(use(good));
    return Status::done();
}

}  // namespace

TEST_CASE("result: TRY hands on the value or the error") {
    CHECK(use(true).value() == 8);
    CHECK(use(false).error().code == ErrorCode::hsm_down);
    CHECK(check(true).ok());
    CHECK(check(false).error().message == "no");
}

TEST_CASE("result: without its value it is done, or the same error") {
    CHECK(use(true).status().ok());
    CHECK(use(false).status().error().message == "no");
    CHECK(Result<int>().status().error().code == ErrorCode::unset);
}

TEST_CASE("result: one that was never set is an error") {
    CHECK_FALSE(Result<int>().ok());
    CHECK(Result<int>().error().code == ErrorCode::unset);
    CHECK_FALSE(Status().ok());
}

TEST_CASE("error: a field that is at fault stands in front, clipped when a stranger made it long") {
    CHECK(Error::at("binding.nonce", "must not be blank").message ==
          "binding.nonce must not be blank");
    CHECK(Error::at("", "must be an object").message == "the body must be an object");
    std::string name(199, 'x');
    name += "\u00e9\u00e9";
    const Error error = Error::at(name, "is wrong");
    CHECK(error.field == std::string(199, 'x') + "…");
}

TEST_CASE("error: every code has a name of its own on the wire") {
    std::vector<std::string_view> names;
    for (int code = 0; code <= static_cast<int>(ErrorCode::unreachable); ++code) {
        names.push_back(base::wire_name(static_cast<ErrorCode>(code)));
    }
    std::sort(names.begin(), names.end());
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

TEST_CASE("error code: is found by its name, and an unknown name is an internal error") {
    CHECK(base::code_of_wire_name("NOT_YET") == ErrorCode::not_yet);
    CHECK(base::code_of_wire_name("UNREACHABLE") == ErrorCode::unreachable);
    CHECK(base::code_of_wire_name("UNSET") == ErrorCode::internal);
    CHECK(base::code_of_wire_name("OF_TOMORROW") == ErrorCode::internal);
}
