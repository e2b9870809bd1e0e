#include "ledger/log.h"

#include "support/test_ledger.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using std::chrono::seconds;
using tests::artefact;
using tests::TestLedger;
using tests::with_nonce;

namespace {

std::uint64_t first_of(const ledger::Outcome& outcome) {
    return std::get<ledger::Recorded>(outcome.value()).first;
}

}  // namespace

TEST_CASE("log: what is recorded has the next leaf, also after a restart", "[ledger]") {
    TestLedger on;
    CHECK(first_of(on.put(artefact("a"))) == 0);
    CHECK(first_of(on.put(artefact("b"))) == 1);
    const auto root = on.log->head()->root();
    on.open();
    CHECK(on.log->head()->size() == 2);
    CHECK(on.log->head()->root() == root);
    CHECK(first_of(on.put(artefact("c"))) == 2);
}

TEST_CASE("log: what was noted before has its leaf before", "[ledger]") {
    TestLedger on;
    for (std::uint64_t i = 0; i < 50; ++i) {
        on.log->note(claw::StartLeaf{"0.1.0"});
        CHECK(first_of(on.put(artefact("r" + std::to_string(i)))) == 2 * i + 1);
    }
}

TEST_CASE("log: an id is spent once, whoever sends it again", "[ledger]") {
    TestLedger on;
    on.put(artefact("a")).value();
    CHECK(on.put(artefact("a")).error().code == ErrorCode::id_reused);
    CHECK(on.put(with_nonce("a", "n", "body")).error().code == ErrorCode::id_reused);
    on.open();
    CHECK(on.put(artefact("a")).error().code == ErrorCode::id_reused);
    CHECK(on.log->head()->size() == 1);
}

TEST_CASE("log: the same request with the same nonce gets the same answer, another is refused",
          "[ledger]") {
    TestLedger on;
    on.put(with_nonce("a", "n", "body"), "answer a").value();
    for (int start = 0; start < 2; ++start) {
        const auto again = on.put(with_nonce("b", "n", "body"), "answer b").value();
        CHECK(std::get<ledger::Replayed>(again).answers == std::vector<std::string>{"answer a"});
        CHECK(on.put(with_nonce("b", "n", "other"), "answer b").error().code ==
              ErrorCode::nonce_reused);
        on.open();
    }
    CHECK(on.log->head()->size() == 1);
}

TEST_CASE("log: an answer that is not the leaf's is not handed out again", "[ledger]") {
    TestLedger on;
    on.put(with_nonce("a", "n", "body"), "answer a").value();
    on.edit("UPDATE answer SET text = 'forged'");
    on.open();
    CHECK(on.put(with_nonce("b", "n", "body"), "answer b").error().code == ErrorCode::nonce_reused);
}

TEST_CASE("log: what repeats within one group is refused as well", "[ledger]") {
    TestLedger on;
    const auto outcomes =
        ledger::record(*on.log, {{{{artefact("a"), {}}}}, {{{artefact("a"), {}}}}},
                       base::deadline_in(seconds(10)))
            .value();
    CHECK(outcomes[0].ok());
    CHECK(outcomes[1].error().code == ErrorCode::id_reused);
}

TEST_CASE("log: a document is there with its entry, under its digest, also after a restart",
          "[ledger]") {
    TestLedger on;
    const std::string text(200'000, 'x');
    REQUIRE(on.log->document(crypto::sha256(text)).error().code == ErrorCode::not_found);
    on.put_document(text);
    CHECK(on.log->document(crypto::sha256(text)).value() == text);
    on.open();
    CHECK(on.log->document(crypto::sha256(text)).value() == text);
}

TEST_CASE("log: its last leaves are stop and state, and then it takes no more", "[ledger]") {
    TestLedger on;
    on.put(artefact("a")).value();
    CHECK(on.log->close(base::deadline_in(seconds(10))).value()->size() == 3);
    CHECK(on.put(artefact("b")).error().code == ErrorCode::ledger_blocked);
    CHECK(on.damage().empty());
}

TEST_CASE("log: a client alone never waits for company, and of several half is enough",
          "[ledger]") {
    ledger::Company company;
    CHECK(company.is_enough(1));  // nobody is connected: a test, an admin
    std::vector<ledger::Company::Member> connected;
    for (int i = 0; i < 8; ++i) {
        connected.push_back(company.connect());
    }
    CHECK(company.is_enough(1));  // all others are idle
    auto coming = company.come();
    CHECK_FALSE(company.is_enough(1));
    CHECK_FALSE(company.is_enough(3));
    CHECK(company.is_enough(4));
    coming.leave();
    CHECK(company.is_enough(1));
    auto again = company.come();
    connected.clear();
    CHECK(company.is_enough(1));  // whoever is left cannot be half of anybody
}

TEST_CASE("log: what names it is set once, and who asks again is told where it stands",
          "[ledger]") {
    TestLedger on;
    const auto first = on.put(claw::SettingLeaf{"origin", "a.test/log"});
    const auto again = on.put(claw::SettingLeaf{"origin", "a.test/log"});
    CHECK(std::get<ledger::Recorded>(again.value()).first ==
          std::get<ledger::Recorded>(first.value()).first);
    CHECK(on.put(claw::SettingLeaf{"origin", "b.test/log"}).error().code == ErrorCode::internal);
    CHECK(on.log->ready().ok());
    CHECK(on.log->setting("origin") == "a.test/log");
}

TEST_CASE("log: many who are connected do not make one wait for all of them", "[ledger]") {
    ledger::Company company;
    std::vector<ledger::Company::Member> connected;
    for (int i = 0; i < 500; ++i) {
        connected.push_back(company.connect());
    }
    const auto coming = company.come();
    CHECK_FALSE(company.is_enough(15));
    CHECK(company.is_enough(16));
}
