#include "policy/allowed_signers.h"

#include "support/ssh_signer.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using crypto::SshKeyType;
using tests::SshSigner;

namespace {

std::string key() {
    static const std::string kText = SshSigner(SshKeyType::ed25519).key().text();
    return kText;
}

std::string refusal(std::string_view text) {
    const auto people = policy::parse_allowed_signers(text);
    return people.ok() ? "" : people.error().message;
}

/// What is said of a line with these options.
std::string refusal_of(std::string_view options) {
    return refusal("alice " + std::string(options) + " " + key());
}

std::string time_of(std::string_view text) {
    const auto people =
        policy::parse_allowed_signers("alice valid-after=\"" + std::string(text) + "\" " + key());
    return people.ok() ? base::format_utc(people->front().valid_after.value())
                       : people.error().message;
}

}  // namespace

TEST_CASE("allowed signers: a file as people write it", "[policy]") {
    const std::string bob = SshSigner(SshKeyType::ecdsa_p256).key().text();
    const std::string carol = SshSigner(SshKeyType::sk_ed25519).key().text();
    const std::string dave = SshSigner(SshKeyType::sk_ecdsa_p256).key().text();
    const auto people = policy::parse_allowed_signers(
        "# Who may approve, since the caf\u00e9\n\n \t # indented\nalice@example.com " + key() +
        " alice's laptop, with \"a quote\n"
        "bob\tnamespaces=\"clawsigner-approval,file\",valid-after=\"20260101Z\"\t" +
        bob + "\n  carol valid-before=\"20270101120030Z\" " + carol + "\ndave  " + dave);
    REQUIRE(people.ok());
    REQUIRE(people->size() == 4);
    const auto& list = *people;
    CHECK(list[0].principal == "alice@example.com");
    CHECK(list[0].key.text() == key());
    CHECK((list[0].namespaces.empty() && !list[0].valid_after && !list[0].valid_before));
    CHECK(list[1].namespaces == std::vector<std::string>{"clawsigner-approval", "file"});
    CHECK(base::format_utc(list[1].valid_after.value()) == "2026-01-01T00:00:00.000Z");
    CHECK(base::format_utc(list[2].valid_before.value()) == "2027-01-01T12:00:30.000Z");
    CHECK(list[3].key.text() == dave);
}

TEST_CASE("allowed signers: nobody is nobody", "[policy]") {
    for (const std::string_view text : {"", "\n", "\n\n", "# nobody", " \t\n#\n"}) {
        CHECK(policy::parse_allowed_signers(text).value().empty());
    }
}

TEST_CASE("allowed signers: an operator is one person", "[policy]") {
    CHECK_THAT(refusal("alice,bob " + key()), Catch::Contains("line 1 has a list of principals"));
    for (const std::string_view pattern : {"*", "*@example.com", "alic?", "!alice"}) {
        CHECK_THAT(refusal(std::string(pattern) + " " + key()),
                   Catch::Contains("has a pattern for a principal"));
    }
    for (const std::string_view bad : {"\"alice\"", "\"alice smith\"", "al\\ice", "al\u00efce"}) {
        CHECK_THAT(refusal(std::string(bad) + " " + key()), Catch::Contains("1 to 128 letters"));
    }
    CHECK(refusal(std::string(128, 'a') + " " + key()).empty());
    CHECK_FALSE(refusal(std::string(129, 'a') + " " + key()).empty());
}

TEST_CASE("allowed signers: a principal and a key stand there once", "[policy]") {
    const SshSigner other(SshKeyType::ed25519);
    CHECK_THAT(refusal("alice " + key() + "\nbob " + other.key().text() + "\nalice " +
                       SshSigner(SshKeyType::ed25519).key().text()),
               Catch::Contains("line 3 has a principal that is an operator already"));
    CHECK_THAT(refusal("alice " + key() + "\n# next\nbob " + key()),
               Catch::Contains("line 3 has the key of another operator"));
}

TEST_CASE("allowed signers: what is not honoured is refused by its name", "[policy]") {
    CHECK_THAT(refusal_of("cert-authority"),
               Catch::Contains("line 1 has the option cert-authority"));
    CHECK_THAT(refusal_of("namespaces=\"file\",cert-authority"),
               Catch::Contains("the option cert-authority"));
    CHECK_THAT(refusal_of("no-touch-required"), Catch::Contains("the option no-touch-required"));
    CHECK_THAT(refusal_of("verify-required=\"yes\""), Catch::Contains("verify-required"));
    CHECK_THAT(refusal_of("Namespaces=\"file\""), Catch::Contains("the option Namespaces"));
    CHECK_THAT(refusal_of("e\u0301vil"), Catch::Contains("something as an option"));
    CHECK_THAT(refusal_of(std::string(33, 'x')), Catch::Contains("something as an option"));
}

TEST_CASE("allowed signers: options have quotes, single commas, and stand once", "[policy]") {
    for (const std::string_view bad :
         {"namespaces", "namespaces=file", "namespaces=\"file", "namespaces=\"\"",
          "namespaces=\"a,\"", "namespaces=\"a,,b\"", "namespaces=\"a b\"", "namespaces=\"a\"\"b\"",
          "namespaces=\"a\",", ",namespaces=\"a\"", "namespaces=\"a\",,valid-after=\"20260101Z\"",
          "namespaces=\"a\"x", "namespaces=\"a\",namespaces=\"b\"",
          "valid-after=\"20260101Z\",valid-after=\"20260101Z\"", "namespaces=\"a\\\"b\"",
          "namespaces=\"a\" valid-after=\"20260101Z\"", "=\"a\"", "\"a\""}) {
        INFO(bad);
        CHECK_THAT(refusal_of(bad), Catch::StartsWith("line 1 "));
    }
    CHECK(refusal_of("namespaces=\"a@b.c,d\"").empty());
}

TEST_CASE("allowed signers: a namespace is named exactly", "[policy]") {
    for (const std::string_view bad : {"*", "clawsigner-*", "a?b", "!file", "file,*"}) {
        CHECK_THAT(refusal_of("namespaces=\"" + std::string(bad) + "\""),
                   Catch::Contains("pattern for a namespace"));
    }
    std::string many("a");
    for (int i = 1; i < 16; ++i) {
        many.append(",a");
    }
    CHECK(refusal_of("namespaces=\"" + many + "\"").empty());
    CHECK_THAT(refusal_of("namespaces=\"" + many + ",a\""), Catch::Contains("more than 16"));
}

TEST_CASE("allowed signers: times are UTC to the day, the minute or the second", "[policy]") {
    CHECK(time_of("20260131Z") == "2026-01-31T00:00:00.000Z");
    CHECK(time_of("202601311234Z") == "2026-01-31T12:34:00.000Z");
    CHECK(time_of("20260131123456Z") == "2026-01-31T12:34:56.000Z");
    CHECK_THAT(time_of("20260131"), Catch::Contains("only UTC"));
    CHECK_THAT(time_of("202601311234"), Catch::Contains("only UTC"));
    for (const std::string_view bad :
         {"Z", "2026Z", "20260131z", "20260132Z", "20260229Z", "2026013112Z", "202601312400Z",
          "20260131123460Z", "2026-01-31Z", "+2026013Z", "20260131ZZ", " 20260131Z"}) {
        INFO(bad);
        CHECK_THAT(time_of(bad), Catch::StartsWith("line 1 has a time that"));
    }
    CHECK_THAT(refusal_of("valid-after=\"20260201Z\",valid-before=\"20260201Z\""),
               Catch::Contains("never valid"));
}

TEST_CASE("allowed signers: a key that is not accepted is refused by its type", "[policy]") {
    const auto rows = tests::vector_file("sshsig/signatures.json");
    for (const auto& row : rows.at("refused").as_array()) {
        CHECK_THAT(
            refusal("# first\nalice " + tests::text_of(row, "key")),
            Catch::Contains("line 2 is an SSH ") && Catch::Contains(tests::text_of(row, "name")));
    }
    for (const std::string_view bad : {"alice", "alice ssh-ed25519", "alice namespaces=\"file\"",
                                       "alice namespaces=\"file\" ssh-ed25519",
                                       "alice ssh-ed25519 !!!!", "alice ssh-ed25519 AAAA"}) {
        INFO(bad);
        CHECK_THAT(refusal(bad), Catch::StartsWith("line 1 "));
    }
}

TEST_CASE("allowed signers: the bytes are UTF-8 that can be seen", "[policy]") {
    for (const std::string& bad :
         {"alice " + key() + "\r\n", std::string("# \x1b[2J\n"), std::string("# \0", 3),
          std::string("# \xff"), "al\x7fice " + key()}) {
        CHECK_THAT(refusal(bad), Catch::Contains("control characters"));
    }
}

TEST_CASE("allowed signers: so many operators and bytes and no more", "[policy]") {
    std::string text;
    for (int i = 0; i < 64; ++i) {
        text.append("p" + std::to_string(i) + " " + SshSigner(SshKeyType::ed25519).key().text() +
                    "\n");
    }
    CHECK(policy::parse_allowed_signers(text).value().size() == 64);
    CHECK_THAT(refusal(text + "one-more " + key()),
               Catch::Contains("line 65 is one operator more than 64"));
    CHECK(refusal(std::string(16'384, '\n')).empty());
    CHECK_THAT(refusal(std::string(16'385, '\n')), Catch::Contains("16384"));
}
