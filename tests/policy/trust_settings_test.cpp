#include "policy/trust_settings.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using policy::TrustSettings;
using policy::with_setting;

namespace {

const std::string kSigner = "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw";

}  // namespace

TEST_CASE("trust settings: those that nobody set believe nobody", "[policy]") {
    const TrustSettings none;
    CHECK_FALSE(none.claims_mode);
    CHECK_FALSE(none.allow_unpinned);
    CHECK(policy::trust_settings_text(none) ==
          R"({"allow_unpinned":false,"audiences":[],"claims_mode":false,"v":1,"wpc_signers":[]})");
    CHECK(policy::parse_trust_settings(policy::trust_settings_text(none)).value() == none);
}

TEST_CASE("trust settings: one is changed by its key", "[policy]") {
    TrustSettings all = with_setting({}, "claims_mode", "true").value();
    all = with_setting(all, "allow_unpinned", "true").value();
    all = with_setting(all, "audiences", "clawproxy.com,clawcontrols.com").value();
    all = with_setting(all, "wpc_signers", kSigner).value();
    CHECK(all.claims_mode);
    CHECK(all.audiences == std::vector<std::string>{"clawproxy.com", "clawcontrols.com"});
    CHECK(policy::parse_trust_settings(policy::trust_settings_text(all)).value() == all);
    CHECK(with_setting(all, "audiences", "").value().audiences.empty());
}

TEST_CASE("trust settings: what cannot be one is refused", "[policy]") {
    for (const auto& [key, value] :
         std::vector<std::pair<std::string, std::string>>{{"claims_mode", "yes"},
                                                          {"allow_unpinned", ""},
                                                          {"audiences", "a,"},
                                                          {"audiences", ",a"},
                                                          {"audiences", "a b"},
                                                          {"audiences", "a,a"},
                                                          {"audiences", std::string(257, 'a')},
                                                          {"wpc_signers", "did:web:example.com"},
                                                          {"wpc_signers", kSigner + "," + kSigner},
                                                          {"receipts", "true"},
                                                          {"", ""}}) {
        INFO(key << "=" << value);
        const auto changed = with_setting({}, key, value);
        REQUIRE_FALSE(changed.ok());
        CHECK(changed.error().rule == "trust.form");
        CHECK(changed.error().field == key);
    }
    const std::string good = policy::trust_settings_text({});
    for (
        const std::string& bad :
        {std::string(), std::string("{}"), good + " ", "{\"x\":1," + good.substr(1),
         std::string(
             R"({"allow_unpinned":false,"audiences":[""],"claims_mode":false,"v":1,"wpc_signers":[]})"),
         std::string(
             R"({"allow_unpinned":0,"audiences":[],"claims_mode":false,"v":1,"wpc_signers":[]})")}) {
        INFO(bad);
        CHECK(policy::parse_trust_settings(bad).error().rule == "trust.form");
    }
}

TEST_CASE("trust settings: it is known which of two believe more", "[policy]") {
    TrustSettings some;
    some.audiences = {"a", "b"};
    TrustSettings fewer = some;
    fewer.audiences = {"b"};
    CHECK(policy::is_no_wider(fewer, some));
    CHECK_FALSE(policy::is_no_wider(some, fewer));
    TrustSettings claims = some;
    claims.claims_mode = true;
    CHECK(policy::is_no_wider(some, claims));
    CHECK_FALSE(policy::is_no_wider(claims, some));
    TrustSettings unpinned = some;
    unpinned.allow_unpinned = true;
    CHECK_FALSE(policy::is_no_wider(unpinned, some));
    TrustSettings signers = some;
    signers.wpc_signers = {kSigner};
    CHECK_FALSE(policy::is_no_wider(signers, some));
}
