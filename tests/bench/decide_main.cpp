// clawsigner_decide_bench: what a decision on a call costs inside the process, beside one signature
// check, as one line of JSON: the first on a token that this process made, the first on one that it
// has to verify and to look for in the log, and one on a token it has seen. scripts/bench runs it.

#include "service/decide_call.h"
#include "support/software_appliance.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

using namespace clawsigner;

namespace {

constexpr std::size_t kTokens = 400;
constexpr std::size_t kSeenRounds = 20;
const claw::LeafCaller kAdmin{"admin", 0};

void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "clawsigner_decide_bench: %s\n", what);
        std::exit(1);
    }
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

template <class Work>
double microseconds(Work&& work) {
    const auto began = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began)
        .count();
}

/// The contract all tokens are held to, active.
std::string activate_contract(const tests::SoftwareAppliance& on) {
    const auto policy =
        claw::WorkPolicy::parse(
            R"({"policy_version":"1","policy_id":"p","issuer_did":"did:key:zOwner","allowed_providers":["openai"],)"
            R"("allowed_models":["gpt-4o*","claude-*"],"egress_allowlist":["*.okta.com"],)"
            R"("metadata":{"tool_allowlist":["okta.users.read","okta.groups.read"],"change_window_utc":"00:00-24:00"}})")
            .value();
    const service::Doing doing{kAdmin, std::nullopt, std::nullopt, {}};
    require(
        on.policies->add(doing, {policy.hash(), policy.text(), std::nullopt, std::nullopt}).ok(),
        "the contract was not added");
    require(on.policies->activate(doing, policy.hash()).ok(), "the contract was not activated");
    return policy.hash();
}

std::string issue(const tests::SoftwareAppliance& on, const std::string& contract) {
    const auto request = claw::parse_token_request(
        R"({"claims":{"sub":"did:key:zA","aud":"clawproxy.com","policy_hash_b64u":")" + contract +
        R"(","scope":["proxy:call","model:gpt-4o","model:gpt-4o-mini","tool:okta.users.read","tool:okta.groups.read","egress:example.okta.com"]}})");
    require(request.ok(), "the claims are none");
    const auto made =
        tests::recorded(on, service::issue_token(on.appliance, {"issuer", 1001}, *request));
    require(made.ok(), "no token was made");
    return made->token;
}

policy::DecisionRequest call_under(std::string cst) {
    return {std::move(cst), {"openai", "gpt-4o", "okta.users.read", "example.okta.com"}};
}

/// A leaf can be read once a checkpoint stands over it.
void wait_for_checkpoint(const tests::SoftwareAppliance& on) {
    const auto deadline = base::deadline_in(std::chrono::seconds(10));
    const auto last = on.ledger->head()->size() - 1;
    while (!on.ledger->leaves(last, 1).ok()) {
        require(std::chrono::steady_clock::now() < deadline, "no checkpoint was made");
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

void decide(const service::Appliance& on, const policy::DecisionRequest& request) {
    const auto decided = service::decide_call(on, tests::kCaller, request, "");
    require(decided.ok() && decided->allow,
            decided.ok() ? decided->reason.c_str() : decided.error().message.c_str());
}

}  // namespace

int main() {
    const tests::SoftwareAppliance on;
    const std::string contract = activate_contract(on);
    std::vector<policy::DecisionRequest> requests;
    for (std::size_t i = 0; i < kTokens; ++i) {
        requests.push_back(call_under(issue(on, contract)));
    }
    wait_for_checkpoint(on);
    const crypto::PublicKey key = on.token_key();
    std::vector<double> verify;
    std::vector<double> first;
    std::vector<double> anew;
    std::vector<double> seen;
    // As after a start: it knows of no token yet.
    service::PresentedTokens started(*on.ledger, *on.lifecycle);
    service::Appliance restarted = on.appliance;
    restarted.presented = &started;
    // Side by side: what slows the machine down for a while slows all of them.
    for (const auto& request : requests) {
        const std::size_t dot = request.cst.rfind('.');
        const auto signature =
            base::base64url_decode(std::string_view(request.cst).substr(dot + 1)).value();
        verify.push_back(microseconds([&] {
            require(key.verifies(base::as_bytes(std::string_view(request.cst).substr(0, dot)),
                                 signature),
                    "a signature does not verify");
        }));
        first.push_back(microseconds([&] { decide(on.appliance, request); }));
        anew.push_back(microseconds([&] { decide(restarted, request); }));
        for (std::size_t i = 0; i < kSeenRounds; ++i) {
            seen.push_back(microseconds([&] { decide(on.appliance, request); }));
        }
    }
    std::printf("{\"verify_us\":%.2f,\"first_us\":%.2f,\"anew_us\":%.2f,\"seen_us\":%.2f}\n",
                median(std::move(verify)), median(std::move(first)), median(std::move(anew)),
                median(std::move(seen)));
    return 0;
}
