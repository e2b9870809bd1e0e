#include "claw/json_writer.h"
#include "policy/call_decision.h"
#include "policy/contract.h"
#include "policy/patterns.h"
#include "policy/token_decision.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

// Whatever is asked for, what comes out is bounded: said again here, the plain way, and held
// against a hundred thousand random worlds.

using namespace clawsigner;

namespace {

using Texts = std::vector<std::string>;

constexpr std::int64_t kMonday = 1'767'571'200;  // 2026-01-05T00:00:00Z

const Texts kGroups{"g0", "g1", "g2", "g3", "g4"};
const Texts kTools{"read", "write", "admin"};
const Texts kModels{"claude-a", "claude-b", "gpt-4o"};
const Texts kHosts{"a.example", "*.a.example", "x.a.example", "*.b.example", "b.example"};
const Texts kSubjects{"did:key:zA", "did:key:zB"};
const Texts kAudiences{"clawproxy.com", "clawcontrols.com"};
const Texts kOthers{"control:x", "clawproxy:call"};

class Dice {
public:
    explicit Dice(std::uint32_t seed) : random_(seed) {}

    bool one_in(std::uint32_t n) { return below(n) == 0; }
    std::uint32_t below(std::uint32_t n) {
        return std::uniform_int_distribution<std::uint32_t>(0, n - 1)(random_);
    }
    const std::string& of(const Texts& texts) {
        return texts[below(static_cast<std::uint32_t>(texts.size()))];
    }
    Texts some(const Texts& texts) {
        Texts taken;
        std::ranges::copy_if(texts, std::back_inserter(taken),
                             [&](const auto&) { return !one_in(3); });
        return taken;
    }

private:
    std::mt19937 random_;
};

std::string list(const Texts& texts) {
    return claw::json_texts(texts);
}

std::string random_contract(Dice& dice, int number) {
    std::string text = R"({"policy_version":"1","policy_id":"p)" + std::to_string(number) +
                       R"(","issuer_did":"did:key:zO")";
    if (dice.one_in(2)) {
        text += R"(,"allowed_models":)" + list(dice.some({"claude-*", "gpt-4o", "*-b"}));
    }
    if (dice.one_in(2)) {
        text += R"(,"egress_allowlist":)" + list(dice.some(kHosts));
    }
    text += R"(,"metadata":{"x":1)";
    if (dice.one_in(2)) {
        text += R"(,"tool_allowlist":)" + list(dice.some(kTools));
    }
    if (dice.one_in(2)) {
        text += R"(,"change_window_utc":")" +
                dice.of({"09:00-17:00", "22:00-06:00", "Mon 00:00-24:00", "00:00-24:00"}) + "\"";
    }
    if (dice.one_in(8)) {
        text += R"(,"write_requires_approval":true)";
    }
    return text + "}}";
}

std::string random_entry(Dice& dice, const std::string& group, const Texts& hashes) {
    std::string text = R"({"okta_group":")" + group + R"(","cst_claims":{"allowed_tools":)" +
                       list(dice.some(kTools)) + R"(,"allowed_models":)" +
                       list(dice.some(kModels)) + R"(,"egress_allowlist":)" +
                       list(dice.some(kHosts)) + R"(,"max_ttl_seconds":)" +
                       std::to_string(1 + dice.below(7'200)) + "}";
    if (!dice.one_in(6)) {
        const std::uint32_t which = dice.below(static_cast<std::uint32_t>(hashes.size()));
        text += R"(,"policy_pin":{"policy_hash_b64u":")" + hashes[which] +
                R"(","policy_version":"p)" + std::to_string(dice.one_in(12) ? 9 : which) + "\"}";
    }
    if (!dice.one_in(6)) {
        text += R"(,"subjects":)" + list(dice.some(kSubjects));
    }
    if (!dice.one_in(6)) {
        text += R"(,"audiences":)" + list(dice.some(kAudiences));
    }
    if (dice.one_in(2)) {
        text += R"(,"scopes":)" + list(dice.some(kOthers));
    }
    if (dice.one_in(2)) {
        text += R"(,"claims":{"mission_id":)" + list(dice.some({"m1", "m2"})) + "}";
    }
    return text + "}";
}

std::set<std::string> random_scope(Dice& dice) {
    std::set<std::string> scope;
    for (std::uint32_t i = dice.below(4); i > 0; --i) {
        const std::uint32_t kind = dice.below(5);
        scope.insert(kind == 0   ? "tool:" + dice.of(kTools)
                     : kind == 1 ? "model:" + dice.of(kModels)
                     : kind == 2 ? "egress:" + dice.of(kHosts)
                     : kind == 3 ? "proxy:call"
                                 : dice.of(kOthers));
    }
    return scope;
}

/// A world, somebody in it, and what they ask for.
struct Case {
    policy::KnownPolicies policies;
    std::optional<policy::ScopeMapping> mapping;
    policy::TrustSettings trust;
    policy::IdToken user;
    policy::MappedRequest request;
    std::int64_t now = 0;

    explicit Case(std::uint32_t seed) {
        Dice dice(seed);
        Texts hashes;
        for (int i = 0; i < 3; ++i) {
            auto contract = std::make_shared<const claw::WorkPolicy>(
                claw::WorkPolicy::parse(random_contract(dice, i)).value());
            hashes.push_back(contract->hash());
            const auto state =
                dice.one_in(8) ? policy::PolicyState::withdrawn : policy::PolicyState::active;
            policies[contract->hash()] = {contract, state};
        }
        std::string entries;
        for (const std::string& group : kGroups) {
            entries += (entries.empty() ? "" : ",") + random_entry(dice, group, hashes);
        }
        mapping = policy::ScopeMapping::parse(R"({"scope_mappings":[)" + entries + "]}").value();
        trust.allow_unpinned = dice.one_in(3);
        trust.audiences = dice.some(kAudiences);
        user.groups = dice.some(kGroups);
        if (dice.one_in(2) && !user.groups.empty()) {
            user.groups.resize(1);
        }
        request.sub = dice.of(kSubjects);
        request.aud = {dice.of(kAudiences)};
        if (dice.one_in(2)) {
            request.scope = random_scope(dice);
        }
        if (dice.one_in(2)) {
            request.ttl = std::chrono::seconds(1 + dice.below(3'600));
        }
        if (dice.one_in(2)) {
            request.policy_hash_b64u = dice.of(hashes);
        }
        if (dice.one_in(4)) {
            request.claims.emplace("mission_id", dice.of({"m1", "m2"}));
        }
        now = kMonday + dice.below(7 * 86'400);
    }

    Result<policy::AllowedToken> decide() const {
        return policy::decide_token({*mapping, policies, trust}, user, request, now);
    }
};

bool is_user(const policy::MappingEntry& entry, const policy::IdToken& user) {
    return std::ranges::find(user.groups, entry.okta_group) != user.groups.end();
}

/// Does this one entry give the scope to this request?
bool gives(const Case& world, const policy::MappingEntry& entry, std::string_view scope) {
    if (!is_user(entry, world.user)) {
        return false;
    }
    if (scope.starts_with("tool:")) {
        return entry.allowed_tools.contains(std::string(scope.substr(5)));
    }
    if (scope.starts_with("model:")) {
        return entry.allowed_models.contains(std::string(scope.substr(6)));
    }
    if (scope.starts_with("egress:")) {
        return std::ranges::any_of(entry.egress_allowlist, [&](const std::string& pattern) {
            return policy::host_covers(pattern, scope.substr(7));
        });
    }
    return entry.scopes.contains(std::string(scope));
}

bool allows(const claw::WorkPolicy& contract, std::string_view scope) {
    const auto& terms = contract.terms();
    if (scope.starts_with("tool:") && terms.tool_allowlist) {
        return std::ranges::find(*terms.tool_allowlist, scope.substr(5)) !=
               terms.tool_allowlist->end();
    }
    if (scope.starts_with("model:") && terms.allowed_models) {
        return std::ranges::any_of(*terms.allowed_models, [&](const std::string& pattern) {
            return policy::model_matches(pattern, scope.substr(6));
        });
    }
    if (scope.starts_with("egress:") && terms.egress_allowlist) {
        return std::ranges::any_of(*terms.egress_allowlist, [&](const std::string& pattern) {
            return policy::host_covers(pattern, scope.substr(7));
        });
    }
    return true;
}

/// The entries that gave the token, by what it says of itself.
std::vector<const policy::MappingEntry*> givers(const Case& world,
                                                const policy::AllowedToken& token) {
    std::vector<const policy::MappingEntry*> found;
    for (const auto& entry : world.mapping->entries()) {
        if (std::ranges::find(token.groups, entry.okta_group) != token.groups.end()) {
            found.push_back(&entry);
        }
    }
    return found;
}

void check_givers(const Case& world, const policy::AllowedToken& token) {
    for (const auto* entry : givers(world, token)) {
        REQUIRE(is_user(*entry, world.user));
        REQUIRE((entry->is_bound() || world.trust.allow_unpinned));
        REQUIRE((!entry->subjects || entry->subjects->contains(token.grant.sub)));
        for (const std::string& aud : token.grant.aud) {
            REQUIRE((entry->audiences ? entry->audiences->contains(aud)
                                      : std::ranges::find(world.trust.audiences, aud) !=
                                            world.trust.audiences.end()));
        }
        const std::string pin = entry->policy_pin ? entry->policy_pin->policy_hash_b64u : "";
        REQUIRE(token.grant.policy_hash_b64u.value_or("") == pin);
        REQUIRE(token.exp <= world.now + entry->max_ttl.count());
        REQUIRE((!token.grant.mission_id ||
                 (entry->claims.contains("mission_id") &&
                  entry->claims.at("mission_id").contains(*token.grant.mission_id))));
    }
}

void check_contract(const Case& world, const policy::AllowedToken& token) {
    if (!token.grant.policy_hash_b64u) {
        REQUIRE(world.trust.allow_unpinned);
        return;
    }
    const auto& known = world.policies.at(*token.grant.policy_hash_b64u);
    REQUIRE(known.state == policy::PolicyState::active);
    REQUIRE_FALSE(known.policy->terms().write_requires_approval);
    if (const auto& window = known.policy->terms().change_window) {
        for (std::int64_t at = world.now; at < token.exp; at += 60) {
            REQUIRE(window->contains(at));
        }
        REQUIRE(window->contains(token.exp - 1));
    }
    for (const std::string& scope : token.grant.scope) {
        REQUIRE(allows(*known.policy, scope));
    }
}

void check_scopes(const Case& world, const policy::AllowedToken& token) {
    REQUIRE(token.grant.scope.front() == "proxy:call");
    REQUIRE(std::set<std::string>(token.grant.scope.begin(), token.grant.scope.end()).size() ==
            token.grant.scope.size());
    const auto from = givers(world, token);
    for (const std::string& scope : token.grant.scope) {
        if (scope == "proxy:call") {
            continue;
        }
        REQUIRE(std::ranges::any_of(
            from, [&](const auto* entry) { return gives(world, *entry, scope); }));
        REQUIRE((!world.request.scope || world.request.scope->contains(scope)));
    }
    if (world.request.scope) {  // and what was asked for is there, not less
        for (const std::string& scope : *world.request.scope) {
            REQUIRE(std::ranges::find(token.grant.scope, scope) != token.grant.scope.end());
        }
    }
}

}  // namespace

TEST_CASE(
    "properties: a token is within mapping, contract and request, and ends within all of them",
    "[policy]") {
    std::map<std::string, int> seen;
    for (std::uint32_t seed = 0; seed < 5'000; ++seed) {
        INFO("seed " << seed);
        const Case world(seed);
        const auto token = world.decide();
        ++seen[token.ok() ? "" : std::string(token.error().rule)];
        if (!token.ok()) {
            REQUIRE(token.error().code == ErrorCode::policy_denied);
            continue;
        }
        REQUIRE(token->exp > world.now);
        REQUIRE((!world.request.ttl || token->exp <= world.now + world.request.ttl->count()));
        REQUIRE((!world.request.policy_hash_b64u ||
                 token->grant.policy_hash_b64u == world.request.policy_hash_b64u));
        REQUIRE(token->grant.sub == world.request.sub);
        REQUIRE(token->grant.aud == world.request.aud);
        REQUIRE_FALSE(token->groups.empty());
        check_givers(world, *token);
        check_contract(world, *token);
        check_scopes(world, *token);
    }
    // The worlds are such that something is learnt: many are allowed, and many rules decide.
    CHECK(seen[""] > 250);
    CHECK(seen.size() > 12);
}

TEST_CASE("properties: narrowing never gives a call that was not allowed before", "[policy]") {
    int narrowed = 0;
    int denied_now = 0;
    for (std::uint32_t seed = 0; seed < 5'000; ++seed) {
        const Case world(seed);
        const auto token = world.decide();
        if (!token.ok()) {
            continue;
        }
        INFO("seed " << seed);
        Dice dice(seed + 1);
        claw::Token live{token->grant, world.now, token->exp, "j", "n"};
        if (dice.one_in(3)) {  // as by {"claims"}: without any scope of the three kinds, perhaps
            live.grant.scope = {"proxy:call"};
        }
        policy::NarrowRequest request;
        if (!dice.one_in(4)) {
            request.scope = random_scope(dice);
        }
        const auto less = policy::decide_narrowing(world.policies, live, request, world.now);
        if (!less.ok()) {
            continue;
        }
        ++narrowed;
        REQUIRE(less->exp <= live.exp);
        REQUIRE(less->grant.policy_hash_b64u == live.grant.policy_hash_b64u);
        const claw::Token next{less->grant, world.now, less->exp, "j", "n"};
        for (const auto kind : {policy::TokenKind::mapped, policy::TokenKind::claims}) {
            policy::Call call{"anthropic", dice.of(kModels), std::nullopt, std::nullopt};
            if (dice.one_in(2)) {
                call.tool = dice.of(kTools);
            }
            if (dice.one_in(2)) {
                call.host = dice.of({"a.example", "x.a.example", "y.x.a.example", "b.example"});
            }
            const auto after = policy::decide_call(world.policies, next, kind, call, world.now);
            const auto before = policy::decide_call(world.policies, live, kind, call, world.now);
            REQUIRE((!after.allow || before.allow));
            REQUIRE((!after.allow || after.valid_until <= before.valid_until));
            denied_now += before.allow && !after.allow ? 1 : 0;
        }
    }
    CHECK(narrowed > 100);
    CHECK(denied_now > 10);
}
