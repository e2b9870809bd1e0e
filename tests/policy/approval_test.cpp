#include "policy/approval.h"

#include "support/act_request.h"
#include "support/ssh_signer.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using namespace std::chrono_literals;
using crypto::SshKeyType;
using policy::ActRequest;
using policy::Operator;
using policy::Operators;
using tests::act_request;
using tests::kRequested;
using tests::SshChoices;
using tests::SshSigner;

namespace {

constexpr UnixMillis kSoon = kRequested + 1min;

Operator person(std::string principal, const SshSigner& signer) {
    return {std::move(principal), signer.key(), std::nullopt, std::nullopt, {}};
}

std::string yes(const SshSigner& signer, const ActRequest& request) {
    return signer.sign(policy::approval_message(request), policy::kApprovalNamespace);
}

/// The error's name and what it says, or "approved".
std::string answer(const Operators& operators, const ActRequest& request,
                   std::string_view signature, UnixMillis now = kSoon) {
    const auto approval = policy::approve(operators, request, signature, now);
    return approval.ok() ? "approved"
                         : std::string(base::wire_name(approval.error().code)) + ": " +
                               approval.error().message;
}

void add(ActRequest& request, const Operators& operators, const SshSigner& signer,
         UnixMillis now = kSoon) {
    auto approval = policy::approve(operators, request, yes(signer, request), now);
    REQUIRE(approval.ok());
    request.approvals.push_back(std::move(approval).value());
}

}  // namespace

TEST_CASE("approval: two of three operators say yes, and that is enough", "[policy]") {
    const SshSigner alice(SshKeyType::ed25519);
    const SshSigner bob(SshKeyType::sk_ecdsa_p256);
    const SshSigner carol(SshKeyType::ecdsa_p256);
    const Operators operators =
        Operators::of({person("alice", alice), person("bob", bob), person("carol", carol)}, 2)
            .value();
    ActRequest request = act_request();
    CHECK_FALSE(policy::is_enough(operators, request, kSoon));
    add(request, operators, bob);
    CHECK(request.approvals.back() == policy::Approval{"bob", bob.key().fingerprint(), kSoon});
    CHECK_FALSE(policy::is_enough(operators, request, kSoon));
    add(request, operators, carol);
    CHECK(policy::is_enough(operators, request, kSoon));
    CHECK(policy::parse_request(policy::request_text(request)).value() == request);
    CHECK(policy::is_enough(operators, request, request.expires - 1ms));
    CHECK_FALSE(policy::is_enough(operators, request, request.expires));
}

TEST_CASE("approval: what is not an operator's yes to exactly this is refused", "[policy]") {
    const SshSigner alice(SshKeyType::ed25519);
    const SshSigner stranger(SshKeyType::ed25519);
    const Operators operators = Operators::of({person("alice", alice)}, 1).value();
    const ActRequest request = act_request();
    const std::string message = policy::approval_message(request);
    REQUIRE(answer(operators, request, yes(alice, request)) == "approved");

    CHECK_THAT(
        answer(operators, request, yes(stranger, request)),
        Catch::StartsWith("APPROVAL_INVALID: signature is made with a key that is no operator's"));
    CHECK_THAT(answer(operators, request, alice.sign(message, "file")),
               Catch::StartsWith("APPROVAL_INVALID") && Catch::Contains("namespace"));
    CHECK_THAT(answer(operators, request, alice.sign(message, "clawsigner-approval ")),
               Catch::StartsWith("APPROVAL_INVALID") && Catch::Contains("namespace"));
    for (const std::string& other : {message + "\n", std::string(), policy::approval_text(request),
                                     policy::request_text(request)}) {
        CHECK_THAT(answer(operators, request, alice.sign(other, policy::kApprovalNamespace)),
                   Catch::StartsWith("APPROVAL_INVALID: signature does not verify"));
    }
    CHECK_THAT(answer(operators, request, "yes"), Catch::StartsWith("INVALID_FIELD: signature "));
    const auto rsa = tests::vector_file("sshsig/signatures.json");
    CHECK_THAT(answer(operators, request,
                      tests::text_of(rsa.at("refused").as_array().front(), "signature")),
               Catch::StartsWith("INVALID_FIELD: signature ") && Catch::Contains("ssh-rsa"));
}

TEST_CASE("approval: a yes to one request is none to another", "[policy]") {
    const SshSigner alice(SshKeyType::ed25519);
    const Operators operators = Operators::of({person("alice", alice)}, 1).value();
    const std::string signature = yes(alice, act_request());
    std::vector<ActRequest> others(7, act_request());
    others[0].id = "another";
    others[1].act = "keys.create";
    others[2].arguments = R"({"family":"cst","version":1})";
    others[3].log_origin = "log.example.com/2";
    others[4].requester.uid = 0;
    others[5].why = "no reason";
    others[6].expires += 24h;
    for (const ActRequest& other : others) {
        CHECK_THAT(answer(operators, other, signature), Catch::StartsWith("APPROVAL_INVALID"));
    }
}

TEST_CASE("approval: an operator says yes once", "[policy]") {
    const SshSigner alice(SshKeyType::ecdsa_p256);
    const SshSigner bob(SshKeyType::ed25519);
    const Operators operators =
        Operators::of({person("alice", alice), person("bob", bob)}, 2).value();
    ActRequest request = act_request();
    add(request, operators, alice);
    SshChoices twin;
    twin.high_s = true;
    const std::string again =
        alice.sign(policy::approval_message(request), policy::kApprovalNamespace, twin);
    CHECK_THAT(answer(operators, request, yes(alice, request)),
               Catch::StartsWith("APPROVAL_REPEATED"));
    CHECK_THAT(answer(operators, request, again), Catch::StartsWith("APPROVAL_REPEATED"));
    // What does not verify is told from what is repeated, lest it be believed to have counted.
    CHECK_THAT(answer(operators, request, alice.sign("x", policy::kApprovalNamespace)),
               Catch::StartsWith("APPROVAL_INVALID"));
    CHECK_FALSE(policy::is_enough(operators, request, kSoon));
}

TEST_CASE("approval: nothing is approved from the moment a request expires", "[policy]") {
    const SshSigner alice(SshKeyType::ed25519);
    const Operators operators = Operators::of({person("alice", alice)}, 1).value();
    const ActRequest request = act_request();
    const std::string signature = yes(alice, request);
    CHECK(answer(operators, request, signature, request.expires - 1ms) == "approved");
    CHECK_THAT(answer(operators, request, signature, request.expires),
               Catch::StartsWith("APPROVAL_EXPIRED"));
    CHECK_THAT(answer(operators, request, "yes", request.expires),
               Catch::StartsWith("APPROVAL_EXPIRED"));
}

TEST_CASE("approval: a key approves while it is valid and for what it is", "[policy]") {
    const SshSigner signer(SshKeyType::ed25519);
    const SshSigner other(SshKeyType::ed25519);
    const ActRequest request = act_request();
    Operator alice = person("alice", signer);
    const auto answer_at = [&](UnixMillis now) {
        const Operators operators = Operators::of({alice, person("bob", other)}, 1).value();
        return answer(operators, request, yes(signer, request), now);
    };
    alice.valid_after = kSoon;
    alice.valid_before = kSoon + 1s;
    CHECK_THAT(answer_at(kSoon - 1ms), Catch::StartsWith("APPROVAL_INVALID"));
    CHECK(answer_at(kSoon) == "approved");
    CHECK(answer_at(kSoon + 1s) == "approved");
    CHECK_THAT(answer_at(kSoon + 1001ms), Catch::StartsWith("APPROVAL_INVALID"));
    alice.namespaces = {"file"};
    CHECK_THAT(answer_at(kSoon), Catch::StartsWith("APPROVAL_INVALID"));
    alice.namespaces = {"file", "clawsigner-approval"};
    CHECK(answer_at(kSoon) == "approved");
}

TEST_CASE("approval: a device must have been touched", "[policy]") {
    const SshSigner alice(SshKeyType::sk_ed25519);
    const Operators operators = Operators::of({person("alice", alice)}, 1).value();
    const ActRequest request = act_request();
    SshChoices untouched;
    untouched.flags = 0;
    CHECK(answer(operators, request, yes(alice, request)) == "approved");
    CHECK_THAT(answer(operators, request,
                      alice.sign(policy::approval_message(request), policy::kApprovalNamespace,
                                 untouched)),
               Catch::StartsWith("APPROVAL_INVALID") && Catch::Contains("touched"));
}

TEST_CASE("approval: only the yes of today's operators counts", "[policy]") {
    const SshSigner alice(SshKeyType::ed25519);
    const SshSigner bob(SshKeyType::ed25519);
    const SshSigner new_key(SshKeyType::ed25519);
    const Operators then = Operators::of({person("alice", alice), person("bob", bob)}, 2).value();
    ActRequest request = act_request();
    add(request, then, alice);
    add(request, then, bob);
    REQUIRE(policy::is_enough(then, request, kSoon));

    const auto enough = [&](std::vector<Operator> people, std::uint32_t quorum) {
        return policy::is_enough(Operators::of(std::move(people), quorum).value(), request,
                                 kSoon + 1s);
    };
    CHECK(enough({person("alice", alice), person("bob", bob), person("new", new_key)}, 2));
    CHECK_FALSE(enough({person("alice", alice), person("bob", bob), person("new", new_key)}, 3));
    CHECK_FALSE(enough({person("alice", alice), person("new", new_key)}, 2));
    CHECK(enough({person("alice", alice), person("new", new_key)}, 1));
    CHECK_FALSE(enough({person("alice", alice), person("bob", new_key)}, 2));
    // The key counts for the name that it had.
    CHECK_FALSE(enough({person("alice", alice), person("robert", bob)}, 2));
    CHECK_FALSE(enough({person("alice", bob), person("bob", alice)}, 1));

    Operator until = person("bob", bob);
    until.valid_before = kSoon + 999ms;
    CHECK_FALSE(enough({person("alice", alice), until}, 2));
    Operator since = person("bob", bob);
    since.valid_after = kSoon + 1ms;
    CHECK_FALSE(enough({person("alice", alice), since}, 2));
    Operator elsewhere = person("bob", bob);
    elsewhere.namespaces = {"file"};
    CHECK_FALSE(enough({person("alice", alice), elsewhere, person("new", new_key)}, 2));
}

TEST_CASE("approval: a request that is none is not approved", "[policy]") {
    const SshSigner alice(SshKeyType::ed25519);
    const Operators operators = Operators::of({person("alice", alice)}, 1).value();
    ActRequest request = act_request();
    request.arguments = R"({},"why":"another"})";
    CHECK_FALSE(policy::approve(operators, request, yes(alice, request), kSoon).ok());
}

TEST_CASE("approval: a request holds 64 of them", "[policy]") {
    const SshSigner alice(SshKeyType::ed25519);
    const Operators operators = Operators::of({person("alice", alice)}, 1).value();
    ActRequest request = act_request();
    for (int i = 0; i < 64; ++i) {
        request.approvals.push_back({"gone" + std::to_string(i), alice.key().fingerprint(), kSoon});
    }
    CHECK_THAT(answer(operators, request, yes(alice, request)), Catch::Contains("64"));
    CHECK_FALSE(policy::is_enough(operators, request, kSoon));
}
