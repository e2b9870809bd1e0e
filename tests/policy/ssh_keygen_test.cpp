#include "base/file.h"
#include "policy/allowed_signers.h"
#include "policy/approval.h"
#include "support/act_request.h"
#include "support/ssh_signer.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>

using namespace clawsigner;
using namespace std::chrono_literals;
using crypto::SshKeyType;
using policy::Operators;
using tests::SshSigner;

namespace {

constexpr std::string_view kNamespace = policy::kApprovalNamespace;

/// A folder in which ssh-keygen runs.
class Keygen {
public:
    /// Did it say yes? Its output goes to `out`.
    bool run(const std::string& arguments) const {
        const std::string command = "cd " + dir_.path().string() + " && TZ=Asia/Tokyo exec " +
                                    CLAWSIGNER_SSH_KEYGEN " " + arguments + " >out 2>&1";
        return std::system(command.c_str()) == 0;  // NOLINT(concurrency-mt-unsafe): one thread
    }
    std::string read(std::string_view name) const {
        return base::read_file(dir_ / name, 65'536).value();
    }
    void write(std::string_view name, std::string_view content) const { dir_.write(name, content); }

    /// The public half of a new key, "TYPE BASE64 COMMENT".
    std::string key(const std::string& name, const std::string& type) const {
        REQUIRE(run("-q -t " + type + " -N '' -C 'of " + name + "' -f " + name));
        std::string text = read(name + ".pub");
        text.pop_back();
        return text;
    }
    std::string sign(const std::string& name, std::string_view message,
                     const std::string& options = "") const {
        write("message", message);
        std::filesystem::remove(dir_ / "message.sig");
        REQUIRE(run("-Y sign -q -n " + std::string(kNamespace) + " -f " + name + " " + options +
                    " message"));
        return read("message.sig");
    }
    /// Does it hold by what stands in allowed_signers, for that principal?
    bool verifies(std::string_view message, std::string_view signature,
                  const std::string& principal, const std::string& options = "") const {
        write("signed", message);
        write("signature", signature);
        return run("-Y verify -n " + std::string(kNamespace) + " -f allowed_signers -I " +
                   principal + " -s signature " + options + " <signed");
    }

private:
    tests::TempDir dir_;
};

/// As -O verify-time takes it.
std::string verify_time(UnixMillis time) {
    std::string digits = base::format_utc(time).substr(0, 19);
    std::erase_if(digits, [](char c) { return c < '0' || c > '9'; });
    return "-O verify-time=" + digits + "Z";
}

}  // namespace

TEST_CASE("ssh-keygen: operators approve with it, and it agrees about who they are", "[policy]") {
    const Keygen keygen;
    const std::string allowed =
        "# operators\nalice@example.com namespaces=\"" + std::string(kNamespace) + ",file\" " +
        keygen.key("alice", "ed25519") + "\nbob " + keygen.key("bob", "ecdsa -b 256") + "\n";
    (void)keygen.key("mallory", "ed25519");
    keygen.write("allowed_signers", allowed);
    const Operators operators =
        Operators::of(policy::parse_allowed_signers(allowed).value(), 2).value();

    policy::ActRequest request = tests::act_request();
    const std::string message = policy::approval_message(request);
    for (const auto& [name, principal, options] :
         {std::tuple{"alice", "alice@example.com", "-O hashalg=sha256"}, {"bob", "bob", ""}}) {
        const std::string signature = keygen.sign(name, message, options);
        CHECK(keygen.verifies(message, signature, principal));
        const auto approval =
            policy::approve(operators, request, signature, tests::kRequested + 1s);
        REQUIRE(approval.ok());
        CHECK(approval->principal == principal);
        REQUIRE(keygen.run(std::string("-l -f ") + name));
        CHECK_THAT(keygen.read("out"), Catch::Contains(" " + approval->fingerprint + " "));
        request.approvals.push_back(*approval);
    }
    CHECK(policy::is_enough(operators, request, tests::kRequested + 2s));

    const std::string of_mallory = keygen.sign("mallory", message);
    CHECK_FALSE(keygen.verifies(message, of_mallory, "bob"));
    CHECK_FALSE(policy::approve(operators, request, of_mallory, tests::kRequested).ok());
}

TEST_CASE("ssh-keygen: what a FIDO device would sign holds there, too", "[policy]") {
    const Keygen keygen;
    const SshSigner carol(SshKeyType::sk_ed25519);
    const SshSigner dave(SshKeyType::sk_ecdsa_p256, "ssh:clawsigner");
    const std::string allowed =
        "carol " + carol.key().text() + "\ndave " + dave.key().text() + "\n";
    keygen.write("allowed_signers", allowed);
    const auto people = policy::parse_allowed_signers(allowed).value();
    const policy::ActRequest request = tests::act_request();
    const std::string message = policy::approval_message(request);
    for (const auto& [signer, principal] : {std::pair{&carol, "carol"}, {&dave, "dave"}}) {
        const std::string signature = signer->sign(message, kNamespace);
        CHECK(keygen.verifies(message, signature, principal));
        CHECK_FALSE(keygen.verifies(message + "x", signature, principal));
        CHECK(
            policy::approve(Operators::of(people, 1).value(), request, signature, tests::kRequested)
                .ok());
        keygen.write("key.pub", signer->key().text() + "\n");
        REQUIRE(keygen.run("-l -f key.pub"));
        CHECK_THAT(keygen.read("out"), Catch::Contains(" " + signer->key().fingerprint() + " "));
    }
}

TEST_CASE("ssh-keygen: it agrees about when a key is valid and what for, in any time zone",
          "[policy]") {
    const Keygen keygen;
    const std::string key = keygen.key("alice", "ed25519");
    const std::string signature = keygen.sign("alice", "message");
    const UnixMillis first{std::chrono::sys_days{std::chrono::year(2026) / 1 / 31}};
    for (const std::string_view options :
         {"valid-after=\"20260131Z\"", "valid-before=\"20260131Z\"",
          "valid-after=\"20260131Z\",valid-before=\"202601310000Z\"",
          "valid-after=\"202601302359Z\",valid-before=\"20260131000001Z\"",
          "namespaces=\"clawsigner-approval\"", "namespaces=\"file,clawsigner-approval\"",
          "namespaces=\"file\"", "namespaces=\"clawsigner-approvals\"",
          "namespaces=\"file\",valid-after=\"20260101Z\""}) {
        const std::string line = "alice " + std::string(options) + " " + key + "\n";
        keygen.write("allowed_signers", line);
        const auto people = policy::parse_allowed_signers(line);
        for (const auto distance : {-60s, -1s, 0s, 1s, 2s}) {
            const UnixMillis at = first + distance;
            INFO(line << base::format_utc(at));
            CHECK((people.ok() && policy::may_approve(people->front(), at)) ==
                  keygen.verifies("message", signature, "alice", verify_time(at)));
        }
    }
}
