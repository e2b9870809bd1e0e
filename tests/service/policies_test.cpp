#include "service/policies.h"

#include "ledger/database.h"
#include "policy/approval.h"
#include "policy/policy_acts.h"
#include "support/governed_appliance.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace clawsigner;
using policy::PolicyState;
using service::GatedAct;
using service::Policies;
using tests::SoftwareAppliance;

namespace {

const claw::LeafCaller kAdmin{"admin", 0};
const service::Doing kByAdmin{kAdmin, std::nullopt, std::nullopt, {}};
const std::string kMapping =
    R"({"scope_mappings":[{"okta_group":"platform","cst_claims":{"allowed_tools":["github"],)"
    R"("allowed_models":[],"egress_allowlist":[],"max_ttl_seconds":60}}]})";

service::ContractAsked contract(const std::string& id = "p") {
    const auto policy = claw::WorkPolicy::parse(R"({"policy_version":"1","policy_id":")" + id +
                                                R"(","issuer_did":"did:key:zOwner"})")
                            .value();
    return {policy.hash(), policy.text(), std::nullopt, std::nullopt};
}

/// Somebody with a database shell, while the log is open.
void edit(const SoftwareAppliance& on, const char* sql) {
    auto database =
        ledger::Database::open(on.directory / "ledger.db", ledger::Database::Mode::write).value();
    REQUIRE(database.execute(sql).ok());
}

/// As a daemon that starts now reads the state, with what it complains about.
struct Restarted {
    std::vector<service::PolicyFault> faults;
    Policies policies;

    explicit Restarted(const SoftwareAppliance& on)
        : policies(*on.ledger, *on.lifecycle, on.keyring, on.clock,
                   {std::chrono::seconds(2),
                    [this](const service::PolicyFault& fault) { faults.push_back(fault); }}) {}
};

std::size_t signatures_in(SoftwareAppliance& on) {
    const auto size = on.ledger->head()->size();
    std::size_t count = 0;
    auto database =
        ledger::Database::open(on.directory / "ledger.db", ledger::Database::Mode::read).value();
    auto leaves = database.prepare("SELECT body FROM leaf ORDER BY idx").value();
    for (std::uint64_t i = 0; i < size && leaves.next().value(); ++i) {
        count += leaves.text(0).find("\"artefact\":\"work_policy_contract\"") != std::string::npos;
    }
    return count;
}

}  // namespace

TEST_CASE("policies: nobody is believed and nothing is there before anything is set", "[service]") {
    const SoftwareAppliance on(crypto::Algorithm::ed25519, tests::Trusting::nobody);
    const auto snapshot = on.policies->snapshot();
    CHECK(snapshot->trust == policy::TrustSettings());
    CHECK(snapshot->exempt == policy::ExemptCallers());
    CHECK_FALSE(snapshot->mapping);
    CHECK_FALSE(snapshot->oidc);
    CHECK(snapshot->contracts.empty());
    CHECK(snapshot->faults.empty());
}

TEST_CASE("policies: a snapshot stays the same object while the state does", "[service]") {
    const SoftwareAppliance on;
    const auto first = on.policies->snapshot();
    CHECK(on.policies->snapshot() == first);
    REQUIRE(on.policies->set_mapping(kByAdmin, kMapping).ok());
    const auto second = on.policies->snapshot();
    CHECK(second != first);
    CHECK_FALSE(first->mapping);
    CHECK(second->mapping->entries().size() == 1);
    CHECK(on.ledger->setting("mapping/document") == second->mapping->digest());
}

TEST_CASE("policies: a mapping that is none is not set", "[service]") {
    const SoftwareAppliance on;
    CHECK_FALSE(on.policies->set_mapping(kByAdmin, "{}").ok());
    CHECK_FALSE(on.ledger->setting("mapping/document"));
}

TEST_CASE("policies: trust is seeded once, also that nobody is believed", "[service]") {
    const SoftwareAppliance on(crypto::Algorithm::ed25519, tests::Trusting::nobody);
    REQUIRE(on.policies->seed({}).ok());
    REQUIRE(on.policies->seed({{true, true, {}, {}}, {true, {}}}).ok());
    CHECK_FALSE(on.policies->snapshot()->trust.claims_mode);
    CHECK_FALSE(on.policies->snapshot()->exempt.all);
}

TEST_CASE("policies: less trust needs nobody else, and more is not given that way", "[service]") {
    const SoftwareAppliance on(crypto::Algorithm::ed25519, tests::Trusting::nobody);
    REQUIRE(on.policies->seed({{true, false, {"a"}, {}}, {true, {}}}).ok());
    CHECK(on.policies->narrow_trust(kByAdmin, "claims_mode", "false").value());
    CHECK_FALSE(on.policies->narrow_trust(kByAdmin, "claims_mode", "true").value());
    CHECK_FALSE(on.policies->narrow_trust(kByAdmin, "audiences", "a,b").value());
    CHECK(on.policies->narrow_trust(kByAdmin, "receipts_without_cst", "7").value());
    CHECK_FALSE(on.policies->narrow_trust(kByAdmin, "receipts_without_cst", "7,8").value());
    CHECK_FALSE(on.policies->narrow_trust(kByAdmin, "no_such_key", "x").ok());
    CHECK_FALSE(on.policies->snapshot()->trust.claims_mode);
    CHECK(on.policies->snapshot()->exempt.users == std::set<std::uint32_t>{7});
}

TEST_CASE("policies: a contract is signed when it is activated, once, and not when it is added",
          "[service]") {
    SoftwareAppliance on;
    const auto asked = contract();
    CHECK_FALSE(on.policies->add(kByAdmin, asked).value().existed);
    CHECK(on.policies->snapshot()->contracts.at(asked.hash).state == PolicyState::added);
    CHECK(on.policies->envelope(asked.hash).error().code == ErrorCode::not_found);
    CHECK(signatures_in(on) == 0);
    REQUIRE(on.policies->activate(kByAdmin, asked.hash).ok());
    const std::string envelope = on.policies->envelope(asked.hash).value();
    CHECK(signatures_in(on) == 1);
    const std::string did = crypto::did_key(on.backend.keys()->keys[2].public_key);
    CHECK(claw::verify_work_policy_envelope(envelope, std::vector{did}).ok());
    CHECK(on.policies->activate(kByAdmin, asked.hash).error().code ==
          ErrorCode::illegal_transition);
    REQUIRE(on.policies->withdraw(kByAdmin, asked.hash).ok());
    CHECK(on.policies->envelope(asked.hash).error().code == ErrorCode::not_found);
    CHECK(on.policies->snapshot()->contracts.at(asked.hash).state == PolicyState::withdrawn);
    REQUIRE(on.policies->activate(kByAdmin, asked.hash).ok());
    CHECK(on.policies->envelope(asked.hash).value() == envelope);
    CHECK(signatures_in(on) == 1);
}

TEST_CASE("policies: with the key frozen a contract is not activated, and nothing is half done",
          "[service]") {
    SoftwareAppliance on;
    const auto asked = contract();
    on.policies->add(kByAdmin, asked).value();
    REQUIRE(on.lifecycle->freeze(kByAdmin, crypto::Family::work_policy).ok());
    CHECK(on.policies->may_activate(asked.hash).error().code == ErrorCode::key_frozen);
    CHECK(on.policies->activate(kByAdmin, asked.hash).error().code == ErrorCode::key_frozen);
    CHECK(on.policies->snapshot()->contracts.at(asked.hash).state == PolicyState::added);
    CHECK(signatures_in(on) == 0);
}

TEST_CASE("policies: a contract of an unknown hash is not found", "[service]") {
    const SoftwareAppliance on;
    const std::string hash = contract().hash;
    CHECK(on.policies->activate(kByAdmin, hash).error().code == ErrorCode::not_found);
    CHECK(on.policies->withdraw(kByAdmin, hash).error().code == ErrorCode::not_found);
    CHECK(on.policies->envelope("x").error().code == ErrorCode::not_found);
}

TEST_CASE("policies: added again with its text gone, a contract is whole again", "[service]") {
    SoftwareAppliance on;
    const auto asked = contract();
    on.policies->add(kByAdmin, asked).value();
    const auto leaves = on.ledger->head()->size();
    CHECK(on.policies->add(kByAdmin, asked).value().existed);
    CHECK(on.ledger->head()->size() == leaves);  // nothing to say
}

TEST_CASE("policies: a document that was changed counts as not there, by the name of its row",
          "[service]") {
    const SoftwareAppliance on;
    REQUIRE(on.policies->set_mapping(kByAdmin, kMapping).ok());
    const auto asked = contract();
    on.policies->add(kByAdmin, asked).value();
    edit(on, "UPDATE document SET body = CAST('{}' AS BLOB)");
    Restarted again(on);
    const auto snapshot = again.policies.snapshot();
    CHECK_FALSE(snapshot->mapping);
    CHECK(snapshot->contracts.empty());
    CHECK(snapshot->records.contains(asked.hash));
    REQUIRE(again.faults.size() == 2);
    CHECK(again.faults.at(0).row == "mapping/document");
    CHECK(again.faults.at(1).row == service::contract_row_name(asked.hash));
    CHECK_THAT(again.faults.at(0).why.message, Catch::EndsWith("was changed"));
    CHECK(again.policies.may_activate(asked.hash).error().code == ErrorCode::not_found);
}

TEST_CASE("policies: rows of contracts read back, and no other spelling does", "[service]") {
    service::ContractRecord record{contract().hash, PolicyState::active,
                                   crypto::sha256_b64u("envelope"), "did:key:zSomebody"};
    const std::string name = service::contract_row_name(record.hash);
    CHECK(name.size() == std::string("policy/").size() + 64);
    CHECK(name.find_first_not_of("policy/0123456789abcdef") == std::string::npos);
    const std::string text = service::contract_row_text(record);
    CHECK(service::parse_contract_row({1, name, text}).value() == record);
    CHECK_FALSE(service::parse_contract_row({1, "policy/00", text}).ok());
    CHECK_FALSE(service::parse_contract_row({1, name, text + " "}).ok());
    record.envelope.reset();
    record.signer_did.reset();
    CHECK(service::parse_contract_row({1, name, service::contract_row_text(record)}).value() ==
          record);
}

namespace {

/// With an operator.
struct Governed : tests::GovernedAppliance {
    policy::ActRequest file_mapping() {
        const auto mapping = policy::ScopeMapping::parse(kMapping).value();
        return approvals
            .file(kAdmin, GatedAct::set_mapping, policy::document_arguments(mapping.digest()),
                  "why", mapping.text())
            .value();
    }
    Result<service::Approvals::Approved> approve(const policy::ActRequest& request) {
        return approvals.approve(kAdmin, request.id, yes(request));
    }
};

}  // namespace

TEST_CASE("policies: a mapping that waits is shown whole, and holds once it is approved of",
          "[service]") {
    Governed governed;
    const auto request = governed.file_mapping();
    const auto mapping = policy::ScopeMapping::parse(kMapping).value();
    CHECK(governed.approvals.document_of(request).value() == mapping.text());
    CHECK_FALSE(governed.policies.snapshot()->mapping);
    CHECK(governed.approve(request).value().done);
    CHECK(governed.policies.snapshot()->mapping->digest() == mapping.digest());
    CHECK(governed.on.acts.back().request == request.id);
}

TEST_CASE("policies: a document that is not the one the arguments name is not filed", "[service]") {
    Governed governed;
    const auto refused =
        governed.approvals.file(kAdmin, GatedAct::set_mapping,
                                policy::document_arguments(crypto::sha256_b64u("x")), "", kMapping);
    CHECK(refused.error().field == "document_sha256");
    CHECK(governed.approvals.waiting().empty());
}

TEST_CASE("policies: contracts and more trust come by operators", "[service]") {
    Governed governed;
    const auto asked = contract();
    governed.policies.add(kByAdmin, asked).value();
    const auto activation =
        governed.approvals
            .file(kAdmin, GatedAct::activate_policy, policy::contract_arguments(asked.hash), "")
            .value();
    CHECK(governed.approvals.document_of(activation).value() == asked.text);
    CHECK(governed.approve(activation).value().done);
    CHECK(governed.policies.snapshot()->contracts.at(asked.hash).state == PolicyState::active);
    const auto trust = governed.approvals
                           .file(kAdmin, GatedAct::set_trust,
                                 policy::trust_arguments({"audiences", "clawproxy.com"}), "")
                           .value();
    CHECK(governed.approve(trust).value().done);
    CHECK(governed.policies.snapshot()->trust.audiences ==
          std::vector<std::string>{"clawproxy.com"});
    CHECK_FALSE(governed.approvals
                    .file(kAdmin, GatedAct::set_trust, policy::trust_arguments({"none", "x"}), "")
                    .ok());
}
