#include "claw/key_record.h"

#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using namespace std::chrono_literals;

namespace {

crypto::PublicKey some_key() {
    return crypto::PublicKey::ed25519(Bytes(32, 0x58)).value();
}

claw::KeyRecord full_record() {
    auto record = claw::KeyRecord::of(crypto::Family::cst, 7, claw::KeyState::compromised,
                                      some_key(), UnixMillis(1'000ms));
    record.id = "0123456789abcdef";
    record.activate_at = UnixMillis(2'000ms);
    record.overlap = 3600s;
    record.active_since = UnixMillis(3'000ms);
    record.active_until = UnixMillis(4'000ms);
    record.not_after = UnixMillis(5'000ms);
    record.compromised_since = UnixMillis(6'000ms);
    record.compromised_leaf = 12;
    record.proof = "gone";
    return record;
}

}  // namespace

TEST_CASE("key record: what is written is read again, member by member", "[claw]") {
    const auto record = full_record();
    const std::string text = claw::key_record_text(record);
    const auto again = claw::parse_key_record("key/cst/7", text);
    REQUIRE(again.ok());
    CHECK(claw::key_record_text(*again) == text);
    CHECK(again->public_key == record.public_key);
    CHECK(again->overlap == 3600s);
    CHECK(again->compromised_leaf == 12U);
}

TEST_CASE("key record: is read in its one form and under its own name only", "[claw]") {
    const std::string text = claw::key_record_text(full_record());
    CHECK_FALSE(claw::parse_key_record("key/cst/8", text).ok());
    CHECK_FALSE(claw::parse_key_record("key/gateway_receipt/7", text).ok());
    CHECK_FALSE(claw::parse_key_record("key/cst/7", text + " ").ok());
    CHECK_FALSE(claw::parse_key_record("key/cst/7", "{}").ok());
    std::string other = text;
    other.replace(other.find("compromised\""), 11, "compromise_");
    CHECK_FALSE(claw::parse_key_record("key/cst/7", other).ok());
}

TEST_CASE("key record: published are pending, active, and verify_only until its time", "[claw]") {
    auto record = full_record();
    const UnixMillis end = *record.not_after;
    for (const claw::KeyState state : claw::kKeyStates) {
        record.state = state;
        const bool lasting = state == claw::KeyState::pending || state == claw::KeyState::active;
        const bool verify = state == claw::KeyState::verify_only;
        CHECK(claw::is_published(record, end) == (lasting || verify));
        CHECK(claw::is_published(record, end + 1ms) == lasting);
        CHECK(claw::key_state_from_name(claw::key_state_name(state)) == state);
    }
    CHECK_FALSE(claw::key_state_from_name("frozen").has_value());
}
