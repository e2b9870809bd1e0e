#include "policy/roles.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using policy::Callers;
using policy::Role;

namespace {

constexpr const char* kText =
    R"({"roles":[{"groups":[],"role":"proxy","users":[7,1000]},{"groups":[20],"role":"admin","users":[0]}],"v":1})";

}  // namespace

TEST_CASE("roles: have one text, with the kernel's numbers in order", "[policy]") {
    const policy::RoleTable table{{Role::admin, {{0}, {20}}}, {Role::proxy, {{1000, 7}, {}}}};
    CHECK(policy::roles_text(table) == kText);
    CHECK(policy::parse_roles(kText).value() == table);
    CHECK(policy::parse_roles(R"({"roles":[],"v":1})").value().empty());
    const policy::RoleChange change{Role::issuer, {{5, 4294967294}, {}}};
    const std::string text = R"({"groups":[],"role":"issuer","users":[5,4294967294]})";
    CHECK(policy::role_change_text(change) == text);
    CHECK(policy::parse_role_change(text).value() == change);
}

TEST_CASE("roles: what is not in the one form, or lets in nobody or everybody, is none",
          "[policy]") {
    for (
        const std::string bad :
        {R"({"roles":[{"groups":[],"role":"proxy","users":[1000,7]}],"v":1})",
         R"({"roles":[{"groups":[],"role":"proxy","users":[7,7]}],"v":1})",
         R"({"roles":[{"groups":[],"role":"king","users":[7]}],"v":1})",
         R"({"roles":[{"groups":[],"role":"proxy","users":[65534]}],"v":1})",
         R"({"roles":[{"groups":[65534],"role":"proxy","users":[]}],"v":1})",
         R"({"roles":[{"groups":[],"role":"proxy","users":[4294967295]}],"v":1})",
         R"({"roles":[{"groups":[],"role":"proxy","users":[-1]}],"v":1})",
         R"({"roles":[{"groups":[],"role":"proxy","users":[0.5]}],"v":1})",
         R"({"roles":[{"groups":[],"role":"proxy","users":["7"]}],"v":1})",
         R"({"roles":[{"groups":[],"role":"admin","users":[]}],"v":1})",
         R"({"roles":[{"groups":[],"role":"proxy"}],"v":1})",
         R"({"roles":[{"groups":[],"role":"admin","users":[0]},{"groups":[],"role":"proxy","users":[0]}],"v":1})",
         R"({"roles":[],"v":2})", R"({"roles":{},"v":1})", R"({"v":1})", "[]", ""}) {
        INFO(bad);
        CHECK_FALSE(policy::parse_roles(bad).ok());
    }
    CHECK_FALSE(policy::parse_role_change(R"({"role":"proxy","groups":[],"users":[]})").ok());
    CHECK(policy::parse_role_change(R"({"groups":[],"role":"proxy","users":[]})").ok());
}

TEST_CASE("roles: the last admin stays, and a role has at most 64 users and as many groups",
          "[policy]") {
    const auto refused = policy::check_callers(Role::admin, {});
    CHECK(refused.error().code == ErrorCode::invalid_field);
    CHECK_THAT(refused.error().message, Catch::Contains("nobody could ever change that"));
    CHECK(policy::check_callers(Role::admin, {{}, {20}}).ok());
    CHECK(policy::check_callers(Role::proxy, {}).ok());
    Callers many;
    for (std::uint32_t id = 0; id < policy::kMaxCallers; ++id) {
        many.users.insert(id);
    }
    CHECK(policy::check_callers(Role::proxy, many).ok());
    many.users.insert(1000);
    CHECK(policy::check_callers(Role::proxy, many).error().field == "users");
}

TEST_CASE("roles: whoever is new makes them wider", "[policy]") {
    const Callers current{{1, 2}, {20}};
    CHECK(policy::is_no_wider(current, current));
    CHECK(policy::is_no_wider({{1}, {}}, current));
    CHECK(policy::is_no_wider({}, current));
    CHECK_FALSE(policy::is_no_wider({{1, 3}, {}}, current));
    CHECK_FALSE(policy::is_no_wider({{1}, {2}}, current));
    CHECK_FALSE(policy::is_no_wider({{20}, {}}, current));
}
