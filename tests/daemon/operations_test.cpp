#include "daemon/operations.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using daemon::find_operation;
using daemon::Role;

TEST_CASE("operations: no method and path stand twice for a role", "[daemon]") {
    const auto table = daemon::operations();
    for (std::size_t i = 0; i < table.size(); ++i) {
        for (std::size_t j = i + 1; j < table.size(); ++j) {
            for (const Role role : daemon::kRoles) {
                const bool both = table[i].roles.contains(role) && table[j].roles.contains(role);
                CHECK_FALSE(
                    (both && table[i].path == table[j].path && table[i].method == table[j].method));
            }
        }
    }
}

TEST_CASE("operations: what is not in the table does not exist", "[daemon]") {
    CHECK(find_operation(Role::proxy, "POST", "/v1/receipts").operation != nullptr);
    CHECK(find_operation(Role::admin, "POST", "/v1/receipts").operation == nullptr);
    CHECK(find_operation(Role::admin, "POST", "/v1/receipts").allowed.empty());
    CHECK(find_operation(Role::admin, "PUT", "/v1/keys").allowed == "GET, POST");
    CHECK(find_operation(Role::admin, "get", "/v1/keys").operation == nullptr);
    CHECK(find_operation(Role::observe, "GET", "/v1/keys").operation != nullptr);
    CHECK(find_operation(Role::observe, "POST", "/v1/keys").operation == nullptr);
}

TEST_CASE("operations: each family's artefacts are made on one socket alone", "[daemon]") {
    for (const Role role : daemon::kRoles) {
        CHECK((find_operation(role, "POST", "/v1/receipts").operation != nullptr) ==
              (role == Role::proxy));
        CHECK((find_operation(role, "POST", "/v1/tokens").operation != nullptr) ==
              (role == Role::issuer));
        CHECK((find_operation(role, "GET", "/v1/jwks").operation != nullptr) ==
              (role != Role::observe));
    }
}

TEST_CASE("operations: what only observes is asked with GET", "[daemon]") {
    for (const auto& operation : daemon::operations()) {
        if (operation.roles.contains(Role::observe)) {
            CHECK(operation.method == daemon::Method::get);
        }
    }
}
